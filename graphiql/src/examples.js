// The operations that a newcomer finds ready: as tabs at first, and in the Examples panel ever after.
import cacheFreshness from "./examples/cache-freshness.graphql";
import mergedView from "./examples/merged-view.graphql";
import projectPage from "./examples/project-page.graphql";
import teamHours from "./examples/team-hours.graphql";
import updateNotes from "./examples/update-notes.graphql";

// The mutation names no real project, so that pressing Run changes nothing before somebody chose one.
const NOTES = {
  input: { projectId: "the project's id", internalNotes: "The gate code changes on Monday.", ifUpdatedAt: null },
};

/** Every example; the project page is about `projectId`, so that it answers at the first press of Run. */
export function examples(projectId) {
  return [
    { title: "Merged view", query: mergedView },
    { title: "Project page", query: projectPage, variables: json({ id: projectId }) },
    { title: "Team and hours", query: teamHours },
    { title: "Freshness and cache", query: cacheFreshness },
    { title: "Change notes", query: updateNotes, variables: json(NOTES) },
  ];
}

function json(value) {
  return JSON.stringify(value, null, 2);
}
