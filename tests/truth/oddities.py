"""What a real company has and a made-up one lacks: rows that every rule of the contract can go wrong on.

The rule it keeps: each oddity is one that the contract has a sentence on.
"""

from typing import Any

from sandbox.running import Address

# Nobody can ask for a status that Raken has added since: these come with the first row of the list, unasked.
UNHEARD_OF = {"projects": "PAUSED", "members": "SUSPENDED"}
NOBODY = "00000000-0000-4000-8000-0000000000ff"
PROJECTS: list[dict[str, Any]] = [
    {"name": "alpha", "number": ""},
    {"name": "Alpha", "number": "A-7"},
    {"name": "ALPHA", "number": "A-7"},
    {"name": "alpha", "number": "a-7", "status": "INACTIVE"},
    {"name": "Straße 9"},
    {"name": "STRASSE 10"},
    {"name": "Élan Ⅷ İstanbul"},
    {"name": "élan 🏗️"},
    {"name": "", "address": {"streetAddress1": "", "city": "Ulm"}},
    {"name": None},
    {"name": "No address", "address": None},
]
MEMBERS: list[dict[str, Any]] = [
    {"firstName": "Ann", "lastName": "de Vries"},
    {"firstName": "ann", "lastName": "De Vries"},
    {"firstName": "Zoë", "lastName": "DE VRIES", "status": "DELETED"},
    {"firstName": "ann", "lastName": "de vries", "status": "INVITED"},
    {"firstName": "", "lastName": "Ünal", "employeeId": "E-ß"},
    {"firstName": "Solo", "lastName": "", "email": ""},
    {"firstName": "New", "lastName": "Role", "role": "ROLE_FOREMAN"},
    {"firstName": "Lost", "lastName": "Class", "classificationUuid": NOBODY},
    {"firstName": "Nameless", "lastName": None},
]
CARDS: list[dict[str, Any]] = [
    {"worker": {"uuid": NOBODY}},
    {"project": {"uuid": NOBODY}},
    {"signed": {"uuid": NOBODY}, "approved": True},
    {"totalHours": 0.1, "timeEntries": [{"hours": 0.1}], "breaks": None, "note": ""},
    {"totalHours": 0.2, "timeEntries": None, "startTime": None, "endTime": None},
    {"totalHours": 0.7, "timeEntries": [{"hours": 0.7, "costCode": {"uuid": NOBODY, "code": "?", "division": ""}}]},
    {"startTime": "22:00:00", "endTime": "06:00:00"},
    {"totalHours": None},
]
EQUIPMENT: list[dict[str, Any]] = [
    {"name": "boom LIFT 1", "equipmentId": ""},
    {"name": "Boom lift 1"},
    {"name": ""},
    {"name": None},
]
EQUIPMENT_LOGS: list[dict[str, Any]] = [
    {"equipment": {"uuid": NOBODY, "name": "Sold"}},
    {"daysNotInUse": -1.0, "logs": None},
    {"endDate": None, "daysOnsite": None},
    {
        "logs": [
            {"uuid": NOBODY, "date": "2025-01-01", "hours": 1.5, "operator": NOBODY, "status": "", "costCode": None}
        ]
    },
]


def crowd(sandbox: Address) -> None:
    """Adds projects and members whose names, numbers and states are odd."""
    for name, status in UNHEARD_OF.items():
        sandbox.fault("extra", f"/{name}", rows=1, values={"status": status})
    for fields in PROJECTS:
        sandbox.add("projects", **fields)
    for fields in MEMBERS:
        sandbox.add("members", **fields)


def disturb(sandbox: Address) -> None:
    """Makes cards, equipment and its logs odd, and takes a project and two members away that cards still name."""
    cards = sandbox.rows("timeCards")
    for number, fields in enumerate(CARDS):
        sandbox.edit("change", "timeCards", uuid=cards[-1 - number]["uuid"], fields=fields)
    for number, card in enumerate(cards[9:-40:20]):
        # Tenths: sums of them as floats go wrong.
        hours = round(0.1 + number % 9 / 10, 1)
        fields = {"totalHours": hours, "timeEntries": [{**card["timeEntries"][0], "hours": hours}]}
        sandbox.edit("change", "timeCards", uuid=card["uuid"], fields=fields)
    for fields in EQUIPMENT:
        sandbox.add("equipment", **fields)
    for log, fields in zip(sandbox.rows("equipmentLogs"), EQUIPMENT_LOGS, strict=False):
        sandbox.edit("change", "equipmentLogs", uuid=log["uuid"], fields=fields)
    sandbox.edit("purge", "projects", uuid=cards[0]["project"]["uuid"])
    sandbox.edit("purge", "members", uuid=cards[0]["worker"]["uuid"])
    others = (card["worker"] for card in cards[-20::-1] if card["worker"] != cards[0]["worker"])
    sandbox.edit("delete", "members", uuid=next(others)["uuid"])
