// Monaco's workers, from our own files. WORKERS (label to file name) is filled in by the build.
globalThis.MonacoEnvironment = {
  getWorker(_id, label) {
    return new Worker(new URL(WORKERS[label] ?? WORKERS.editor, import.meta.url), { name: label });
  },
};
