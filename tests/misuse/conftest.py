"""What tests of misuse share: the door that the integration tests knock at."""

from tests.integration.conftest import door, home, sandbox

__all__ = ["door", "home", "sandbox"]
