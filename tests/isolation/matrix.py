"""Who may do what at every address: the data of the isolation matrix.

A new route needs a line here. `needs` is for what belongs to one organization or tenant: members with the permission
may, other members are refused with 403, everybody else gets 404 and learns nothing. `anybody` and `people` are for what
shows nothing of any organization to whoever is not in it.
"""

from tests.isolation.matrix_api import API
from tests.isolation.matrix_pages import PAGES
from tests.isolation.matrix_scim import SCIM
from tests.isolation.rules import Rule

MATRIX: dict[str, dict[str, Rule]] = API | PAGES | SCIM

# Values of parameters that name nothing of Acme's.
PLAIN = {
    "verb": "disable",
    "kind": "slack",
    "step": "sign",
    "key": "platform",
    "name": "User",
    "rest": "Me",
    "code_id": "mcode_" + "a" * 20,
    "secret": "A" * 22,
    "passkey_id": "pkey_" + "a" * 20,
    "session_id": "ses_" + "a" * 20,
    "set_id": "crl_" + "a" * 20,
    "report_token": "rlk_nothing",
    "form": "csv",
    "incident_id": "inc_" + "a" * 20,
    "status_token": "sts_nothing",
}
