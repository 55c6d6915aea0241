"""The words that the made-up company is made of.

The rule: common words only, put together at random; example domains and 555-01 numbers; nobody is meant.
"""


def _each(text: str) -> tuple[str, ...]:
    return tuple(text.split())


FIRST_NAMES = _each(
    "Ada Alan Alma Amir Ana Anders Aria Ben Bianca Bruno Carla Carlos Chloe Dana Daniel Diego Dora Elena Eli Emma "
    "Erik Esther Felix Fiona Frank Gina Goran Grace Hana Hector Hugo Ida Igor Irene Ivan Jack Jana Jared Jo José "
    "Julia Karim Kate Kofi Lars Leila Leo Lina Luis Maja Marco María Mateo Max Mei Mila Nadia Nils Nora Olga Omar "
    "Oscar Paula Pedro Petra Quinn Rafael Rita Rosa Ruth Sam Sana Simon Sofia Sven Tara Theo Tom Uma Vera Victor "
    "Wanda Will Yara Yusuf Zoë"
)
LAST_NAMES = _each(
    "Abbott Alvarez Baker Barton Becker Bennett Blake Bosch Brandt Brooks Burke Carver Castillo Chandler Clarke "
    "Collier Cooper Cruz Dalton Draper Duarte Eriksen Farmer Fisher Fletcher Flores Fowler Garner Garza Granger "
    "Hansen Harper Hayward Herrera Holm Hooper Ibarra Jansen Keller Knight Kovač Lambert Lindgren Lopez Mason "
    "Mendoza Mercer Miller Moreno Müller Navarro Nilsen Novak O'Dell Ortega Osman Parker Pavlov Peña Porter Quintero "
    "Ramos Reeve Rivera Sawyer Schmidt Shepherd Silva Slater Sorensen Suarez Tanner Taylor Thatcher Tiller Turner "
    "Vance Vargas Vogel Walker Weaver Webster Wheeler Wright Yates Zimmer"
)
PLACES = _each(
    "Alder Aspen Bay Birch Bridge Cedar Chapel Clearwater Copper Cottonwood Eagle Elm Fairview Foundry Granite Harbor "
    "Heron Hickory Highland Juniper Lakeside Laurel Magnolia Maple Meadow Mill Mission Oak Orchard Pine Prairie "
    "Quarry Ridge River Sage Sierra Spruce Station Summit Sycamore Union Valley Willow"
)
BUILDINGS = (
    "Medical Office Building",
    "Elementary School Addition",
    "Parking Structure",
    "Water Treatment Plant",
    "Distribution Center",
    "Apartments",
    "Fire Station",
    "Data Hall",
    "Community Library",
    "Hotel Renovation",
    "Bridge Deck Replacement",
    "Tenant Improvement",
    "Substation",
    "Student Housing",
    "Laboratory Fit-Out",
)
STREETS = ("St", "Ave", "Blvd", "Rd", "Way", "Dr")
CITIES = (
    ("Denver", "CO", "80202"),
    ("Boise", "ID", "83702"),
    ("Tucson", "AZ", "85701"),
    ("Reno", "NV", "89501"),
    ("Omaha", "NE", "68102"),
    ("Tulsa", "OK", "74103"),
    ("Fresno", "CA", "93721"),
    ("Spokane", "WA", "99201"),
    ("Provo", "UT", "84601"),
    ("Albuquerque", "NM", "87102"),
)
CLASSIFICATIONS = (
    "Apprentice",
    "Carpenter",
    "Concrete Finisher",
    "Electrician",
    "Equipment Operator",
    "Foreman",
    "Ironworker",
    "Laborer",
    "Pipefitter",
    "Plumber",
    "Sheet Metal Worker",
    "Superintendent",
)
DIVISIONS = {
    "01": ("General Conditions", "Supervision", "Clean-Up", "Temporary Power", "Safety"),
    "02": ("Demolition", "Survey", "Shoring"),
    "03": ("Formwork", "Rebar", "Placing", "Finishing", "Precast"),
    "05": ("Structural Steel", "Metal Deck", "Stairs and Rails"),
    "06": ("Rough Carpentry", "Finish Carpentry", "Blocking"),
    "09": ("Framing", "Drywall", "Painting", "Tile"),
    "22": ("Rough Plumbing", "Fixtures", "Insulation"),
    "23": ("Ductwork", "Hydronic Piping", "Controls"),
    "26": ("Conduit", "Wire", "Gear", "Lighting"),
    "31": ("Excavation", "Backfill", "Grading"),
}
PAY_TYPES = (("Regular Time", "RT"), ("Overtime", "OT"), ("Double Time", "DT"))
SHIFTS = (("Day", "07:00:00", "15:30:00"), ("Swing", "15:00:00", "23:30:00"), ("Night", "19:00:00", "05:30:00"))
UNITS = ("EA", "LF", "SF", "CY", "TON", "GAL", "BOX")
MATERIALS = (
    ("Ready-mix concrete 4000 psi", "CY"),
    ("Rebar #5", "LF"),
    ("Plywood 3/4 in", "SF"),
    ("Metal stud 3-5/8 in", "LF"),
    ("Gypsum board 5/8 in", "SF"),
    ("EMT conduit 1 in", "LF"),
    ("THHN #12", "LF"),
    ("Copper pipe type L 2 in", "LF"),
    ("Structural fill", "TON"),
    ("Aggregate base", "TON"),
    ("Anchor bolt 3/4 in", "EA"),
    ("Form oil", "GAL"),
    ("Screws, self-drilling", "BOX"),
)
EQUIPMENT = (
    ("Excavator", "EX"),
    ("Skid Steer", "SS"),
    ("Scissor Lift", "SL"),
    ("Boom Lift", "BL"),
    ("Telehandler", "TH"),
    ("Generator", "GN"),
    ("Plate Compactor", "PC"),
    ("Light Tower", "LT"),
    ("Water Truck", "WT"),
)
NOTES = (
    "Poured the east footing.",
    "Waited for the inspector until ten.",
    "Set forms at grid line C.",
    "Helped unload the steel delivery.",
    "Rain delay, moved inside.",
    "Punch list, second floor.",
    "Pulled wire to panel 2B.",
    "Trabajo extra por el cambio de plano.",
)
OBSERVATIONS = (
    "Guardrail missing at the stair opening",
    "Extension cord across a walkway",
    "Good housekeeping on level 2",
    "Ladder not tied off",
    "Hot work permit posted",
    "Unlabelled chemical container",
)
TALKS = ("Ladder safety", "Heat illness", "Silica dust", "Fall protection", "Lockout and tagout", "Hand tools")
CHECKLISTS = ("Crane pre-use", "Concrete pre-pour", "Scaffold inspection", "Site safety walk")
CERTIFICATIONS = ("OSHA 10", "OSHA 30", "First Aid / CPR", "Forklift operator", "Rigger level 1")
GROUPS = ("Civil", "Concrete", "Electrical", "Interiors", "Mechanical")
COMPANIES = ("Granite & Oak", "Northgate Electric", "Blue Mesa Plumbing", "Sierra Steel", "Lakeside Drywall")
DOMAIN = "granite-and-oak.example"
