"""Types that other files know by name only, so that no file of types imports another."""

from typing import TYPE_CHECKING, Annotated, TypeAlias

import strawberry

if TYPE_CHECKING:
    from resolvers.types.accounts import UserAccount
    from resolvers.types.classifications import Classification
    from resolvers.types.cost_codes import CostCode
    from resolvers.types.daily_reports import DailyReport
    from resolvers.types.equipment import Equipment
    from resolvers.types.equipment_logs import EquipmentLog
    from resolvers.types.hours import HoursSummary
    from resolvers.types.material_logs import MaterialLog
    from resolvers.types.materials import Material
    from resolvers.types.observations import Observation
    from resolvers.types.pay_types import PayType
    from resolvers.types.projects import Project
    from resolvers.types.team_members import TeamMember
    from resolvers.types.time_cards import TimeCard
    from resolvers.types.work_logs import WorkLog

UserAccountRef: TypeAlias = Annotated["UserAccount", strawberry.lazy("resolvers.types.accounts")]
ClassificationRef: TypeAlias = Annotated["Classification", strawberry.lazy("resolvers.types.classifications")]
CostCodeRef: TypeAlias = Annotated["CostCode", strawberry.lazy("resolvers.types.cost_codes")]
DailyReportRef: TypeAlias = Annotated["DailyReport", strawberry.lazy("resolvers.types.daily_reports")]
EquipmentRef: TypeAlias = Annotated["Equipment", strawberry.lazy("resolvers.types.equipment")]
EquipmentLogRef: TypeAlias = Annotated["EquipmentLog", strawberry.lazy("resolvers.types.equipment_logs")]
HoursSummaryRef: TypeAlias = Annotated["HoursSummary", strawberry.lazy("resolvers.types.hours")]
MaterialLogRef: TypeAlias = Annotated["MaterialLog", strawberry.lazy("resolvers.types.material_logs")]
MaterialRef: TypeAlias = Annotated["Material", strawberry.lazy("resolvers.types.materials")]
ObservationRef: TypeAlias = Annotated["Observation", strawberry.lazy("resolvers.types.observations")]
PayTypeRef: TypeAlias = Annotated["PayType", strawberry.lazy("resolvers.types.pay_types")]
ProjectRef: TypeAlias = Annotated["Project", strawberry.lazy("resolvers.types.projects")]
TeamMemberRef: TypeAlias = Annotated["TeamMember", strawberry.lazy("resolvers.types.team_members")]
TimeCardRef: TypeAlias = Annotated["TimeCard", strawberry.lazy("resolvers.types.time_cards")]
WorkLogRef: TypeAlias = Annotated["WorkLog", strawberry.lazy("resolvers.types.work_logs")]
