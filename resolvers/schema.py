"""The catalogue: what is offered, one line an entity, with the type that shows it.

From a line follow the entity's `RakenEntity`, its row in `cacheStatus`, its refresh, and its `TTL_` variable.
"""

from enum import Enum
from typing import TYPE_CHECKING, Any

from loaders.entities.classifications import CLASSIFICATIONS
from loaders.entities.cost_codes import COST_CODES
from loaders.entities.daily_reports import DAILY_REPORTS
from loaders.entities.equipment import EQUIPMENT
from loaders.entities.equipment_logs import EQUIPMENT_LOGS
from loaders.entities.material_logs import MATERIAL_LOGS
from loaders.entities.materials import MATERIALS
from loaders.entities.members import MEMBERS
from loaders.entities.observations import OBSERVATIONS
from loaders.entities.pay_types import PAY_TYPES
from loaders.entities.projects import PROJECTS
from loaders.entities.time_cards import TIME_CARDS
from loaders.entities.work_logs import WORK_LOGS
from loaders.entity import Entity
from resolvers.described import described
from resolvers.types.classifications import Classification
from resolvers.types.cost_codes import CostCode
from resolvers.types.daily_reports import DailyReport
from resolvers.types.equipment import Equipment
from resolvers.types.equipment_logs import EquipmentLog
from resolvers.types.material_logs import MaterialLog
from resolvers.types.materials import Material
from resolvers.types.observations import Observation
from resolvers.types.pay_types import PayType
from resolvers.types.projects import Project
from resolvers.types.team_members import TeamMember
from resolvers.types.time_cards import TimeCard
from resolvers.types.work_logs import WorkLog

CATALOGUE: dict[Entity[Any], type] = {
    PROJECTS: Project,
    MEMBERS: TeamMember,
    TIME_CARDS: TimeCard,
    WORK_LOGS: WorkLog,
    EQUIPMENT: Equipment,
    EQUIPMENT_LOGS: EquipmentLog,
    MATERIALS: Material,
    MATERIAL_LOGS: MaterialLog,
    DAILY_REPORTS: DailyReport,
    OBSERVATIONS: Observation,
    CLASSIFICATIONS: Classification,
    COST_CODES: CostCode,
    PAY_TYPES: PayType,
}

ENTITIES: dict[str, Entity[Any]] = {entity.name: entity for entity in CATALOGUE}

if TYPE_CHECKING:

    class RakenEntity(Enum):
        """Its members are the catalogue's names."""

else:
    RakenEntity = Enum("RakenEntity", {name: name for name in ENTITIES})
described(
    RakenEntity,
    "RakenEntity",
    "Everything that is fetched from Raken.",
    **{name: f"Raken's {entity.path}." for name, entity in ENTITIES.items()},
)
