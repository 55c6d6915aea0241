"""A row of each entity as Raken sends it, made up: what the tests over the catalogue read."""

from typing import Any

UUID = "00000000-0000-4000-8000-00000000000"
STAMPS = {"createdAt": "2026-03-02T07:00:00Z", "updatedAt": "2026-03-03T15:30:00Z"}
DAY = "2026-03-02"
COST_CODE = {"uuid": f"{UUID}5", "code": "03-100", "division": "Concrete"}
MATERIAL = {"uuid": f"{UUID}6", "name": "Sand", "materialUnit": {"name": "t"}}
EQUIPMENT = {"uuid": f"{UUID}7", "name": "Boom lift", "equipmentId": "BL-1"}
PAY_TYPE = {"uuid": f"{UUID}8", "name": "Regular", "code": "RT"}
CLASSIFICATION = {"uuid": f"{UUID}9", "name": "Carpenter"}

SAMPLES: dict[str, dict[str, Any]] = {
    "PROJECTS": {
        "uuid": f"{UUID}1",
        "name": "Bridge",
        "number": "B-7",
        "status": "ACTIVE",
        "startDate": DAY,
        "address": {"streetAddress1": "1 Quay", "city": "Ulm", "state": "BW", "country": "DE", "postalCode": "89073"},
        **STAMPS,
    },
    "MEMBERS": {
        "uuid": f"{UUID}2",
        "firstName": "Ann",
        "lastName": "Mason",
        "role": "ROLE_WORKER",
        "employeeId": "E-1",
        "status": "ACTIVE",
        "classificationUuid": CLASSIFICATION["uuid"],
        **STAMPS,
    },
    "TIME_CARDS": {
        "uuid": f"{UUID}3",
        "date": DAY,
        "startTime": "07:00:00",
        "endTime": "15:30:00",
        "totalHours": 8.0,
        "approved": True,
        "worker": {"uuid": f"{UUID}2"},
        "project": {"uuid": f"{UUID}1"},
        "signed": {"uuid": f"{UUID}2"},
        "breaks": [{"name": "Lunch", "duration": 30.0, "startTime": "12:00:00"}],
        "timeEntries": [
            {"hours": 8.0, "payType": PAY_TYPE, "classification": CLASSIFICATION, "costCode": COST_CODE},
        ],
        **STAMPS,
    },
    "WORK_LOGS": {"uuid": f"{UUID}3", "date": DAY, "projectUuid": f"{UUID}1", "workers": 4.0},
    "EQUIPMENT": EQUIPMENT,
    "EQUIPMENT_LOGS": {
        "uuid": f"{UUID}3",
        "projectUuid": f"{UUID}1",
        "equipment": EQUIPMENT,
        "startDate": DAY,
        "daysOnsite": 3.0,
        "daysNotInUse": -1.0,
        "logs": [{"uuid": f"{UUID}4", "date": DAY, "hours": 6.5, "status": "IN_USE", "operator": f"{UUID}2"}],
    },
    "MATERIALS": MATERIAL,
    "MATERIAL_LOGS": {"date": DAY, "quantity": 2.5, "material": MATERIAL},
    "DAILY_REPORTS": {
        "reportDate": DAY,
        "projectUuid": f"{UUID}1",
        "status": "SIGNED",
        "signedBy": {"name": "Ann Mason", "uuid": f"{UUID}2"},
        "reportLinks": {"daily": "https://raken.example/report.pdf"},
    },
    "OBSERVATIONS": {"uuid": f"{UUID}3", "date": DAY, "projectUuid": f"{UUID}1", "status": "OPEN"},
    "CLASSIFICATIONS": CLASSIFICATION,
    "COST_CODES": COST_CODE | {"description": "Footings"},
    "PAY_TYPES": PAY_TYPE,
}
