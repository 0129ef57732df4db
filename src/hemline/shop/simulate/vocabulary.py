"""The words of the simulated shop: product types, colours, appearances, names.

The tables have the shape of H&M's (131 product types in 19 groups, 50 colour groups, 30
graphical appearances); the words are everyday ones or made up.
"""

from __future__ import annotations

from typing import Final, NamedTuple


class ProductType(NamedTuple):
    """One product type: its share in its group, how it looks, what it costs, when it sells."""

    name: str
    share: float
    shape: str
    price: float
    peak_month: int


class Colour(NamedTuple):
    """One colour group: share in percent, red-green-blue, perceived value and master."""

    name: str
    share: float
    rgb: tuple[int, int, int]
    value: str
    master: str


T = ProductType
TYPES: Final[dict[str, tuple[float, list[ProductType]]]] = {
    "Garment Upper body": (
        40.5,
        [
            T("T-shirt", 18, "tee", 12, 6),
            T("Top", 16, "top", 14, 0),
            T("Sweater", 20, "sweater", 26, 11),
            T("Vest top", 8, "vest", 9, 7),
            T("Blouse", 9, "blouse", 22, 4),
            T("Shirt", 8, "shirt", 24, 0),
            T("Jacket", 9, "jacket", 42, 10),
            T("Cardigan", 5, "cardigan", 26, 10),
            T("Hoodie", 5, "hoodie", 25, 10),
            T("Blazer", 4, "blazer", 45, 9),
            T("Coat", 2, "coat", 70, 11),
            T("Bodysuit", 2, "bodysuit", 13, 0),
            T("Polo shirt", 1.5, "tee", 17, 6),
            T("Waistcoat", 0.6, "waistcoat", 28, 9),
            T("Outdoor waistcoat", 0.5, "waistcoat", 33, 10),
            T("Tunic", 0.4, "blouse", 22, 6),
            T("Poncho", 0.2, "poncho", 30, 11),
        ],
    ),
    "Garment Lower body": (
        18.8,
        [
            T("Trousers", 56, "trousers", 28, 0),
            T("Shorts", 20, "shorts", 17, 7),
            T("Skirt", 13, "skirt", 21, 5),
            T("Leggings", 9, "leggings", 12, 0),
            T("Outdoor trousers", 1, "trousers", 38, 12),
            T("Joggers", 4, "trousers", 22, 10),
        ],
    ),
    "Garment Full body": (
        12.6,
        [
            T("Dress", 78, "dress", 30, 6),
            T("Jumpsuit", 6, "jumpsuit", 34, 6),
            T("Playsuit", 4, "playsuit", 26, 7),
            T("Dungarees", 3, "dungarees", 33, 4),
            T("Garment set", 7, "set", 20, 0),
            T("Costume", 0.6, "dress", 18, 10),
            T("Outdoor overall", 2, "jumpsuit", 45, 12),
        ],
    ),
    "Accessories": (
        10.6,
        [
            T("Earring", 16, "ring", 6, 0),
            T("Necklace", 8, "necklace", 8, 0),
            T("Bracelet", 4, "ring", 6, 0),
            T("Ring", 3, "ring", 6, 0),
            T("Hair clip", 4, "clip", 4, 0),
            T("Hair string", 4, "ring", 4, 0),
            T("Hair band", 4, "band", 5, 0),
            T("Belt", 7, "belt", 11, 0),
            T("Hat with brim", 2, "hat", 15, 7),
            T("Beanie", 6, "beanie", 9, 12),
            T("Cap", 7, "cap", 10, 6),
            T("Straw hat", 2, "hat", 14, 7),
            T("Felt hat", 0.7, "hat", 18, 11),
            T("Bucket hat", 1, "hat", 11, 6),
            T("Sunglasses", 9, "glasses", 10, 6),
            T("Gloves", 4, "gloves", 12, 12),
            T("Mittens", 1, "gloves", 9, 12),
            T("Scarf", 8, "scarf", 14, 11),
            T("Shawl", 1, "scarf", 17, 10),
            T("Tie", 1.5, "tie", 13, 0),
            T("Bow tie", 0.6, "tie", 11, 0),
            T("Watch", 0.4, "ring", 22, 12),
            T("Wallet", 1, "box", 11, 0),
            T("Braces", 0.3, "belt", 12, 0),
            T("Baby bib", 0.8, "band", 8, 0),
            T("Soft toy", 0.4, "toy", 12, 12),
            T("Gift box", 0.3, "box", 9, 12),
            T("Water bottle", 0.4, "bottle", 9, 6),
            T("Other accessories", 2, "box", 9, 0),
        ],
    ),
    "Shoes": (
        5.0,
        [
            T("Sneakers", 24, "sneaker", 28, 0),
            T("Boots", 14, "boot", 48, 11),
            T("Ankle boots", 8, "boot", 42, 10),
            T("Sandals", 15, "sandal", 20, 6),
            T("Heeled sandals", 6, "heel", 30, 6),
            T("Ballerinas", 7, "flat", 17, 4),
            T("Pumps", 5, "heel", 30, 0),
            T("Loafers", 5, "flat", 28, 0),
            T("Flat shoes", 3, "flat", 24, 0),
            T("Slippers", 5, "flat", 12, 12),
            T("Flip-flops", 3, "sandal", 6, 7),
            T("Wedges", 1.5, "heel", 30, 6),
            T("Espadrilles", 1, "flat", 20, 7),
            T("Rain boots", 0.6, "boot", 22, 10),
            T("Pre-walkers", 0.5, "sneaker", 10, 0),
            T("Other shoe", 4, "sneaker", 25, 0),
        ],
    ),
    "Underwear": (
        5.2,
        [
            T("Bra", 38, "bra", 17, 0),
            T("Briefs", 36, "briefs", 10, 0),
            T("Underwear top", 6, "vest", 9, 0),
            T("Boxers", 7, "boxers", 16, 0),
            T("Robe", 2, "coat", 28, 12),
            T("Underwear body", 3, "bodysuit", 20, 0),
            T("Long johns", 2, "leggings", 14, 12),
            T("Corset", 0.6, "bodysuit", 25, 2),
            T("Underdress", 0.6, "dress", 16, 0),
            T("Nursing bra", 2, "bra", 20, 0),
            T("Bra extender", 0.3, "band", 4, 0),
            T("Underwear set", 1, "bra", 20, 2),
        ],
    ),
    "Swimwear": (
        3.0,
        [
            T("Bikini top", 35, "bra", 15, 6),
            T("Bikini bottom", 35, "briefs", 11, 6),
            T("Swimsuit", 20, "bodysuit", 22, 6),
            T("Swim set", 3, "bra", 18, 6),
            T("Swim shorts", 8, "boxers", 16, 7),
            T("Swim top", 1, "vest", 12, 7),
            T("Sarong", 0.6, "scarf", 12, 7),
        ],
    ),
    "Socks & Tights": (
        2.4,
        [
            T("Socks", 65, "socks", 7, 11),
            T("Tights", 30, "leggings", 8, 11),
            T("Knee socks", 3, "socks", 7, 11),
            T("Leg warmers", 1, "socks", 9, 12),
        ],
    ),
    "Nightwear": (
        1.8,
        [
            T("Pyjama set", 55, "set", 22, 12),
            T("Pyjama bottom", 15, "trousers", 15, 12),
            T("Night gown", 12, "dress", 17, 0),
            T("Pyjama jumpsuit", 10, "jumpsuit", 19, 12),
            T("Nightshirt", 6, "shirt", 17, 0),
        ],
    ),
    "Bags": (
        0.5,
        [
            T("Tote bag", 20, "bag", 22, 6),
            T("Backpack", 18, "backpack", 25, 8),
            T("Shoulder bag", 22, "bag", 22, 0),
            T("Cross-body bag", 18, "bag", 19, 0),
            T("Weekend bag", 6, "bag", 34, 6),
            T("Bum bag", 7, "bag", 14, 6),
            T("Clutch bag", 8, "bag", 16, 12),
        ],
    ),
    "Unknown": (0.12, [T("Unknown", 1, "box", 15, 0)]),
    "Baby sleepwear": (
        0.06,
        [T("Sleep bag", 5, "jumpsuit", 24, 12), T("Swaddle", 2, "box", 14, 0)],
    ),
    "Cosmetic": (0.05, [T("Make-up", 5, "bottle", 6, 0), T("Skin care", 4, "bottle", 7, 0)]),
    "Items": (
        0.04,
        [
            T("Umbrella", 4, "hat", 13, 10),
            T("Key ring", 3, "ring", 5, 0),
            T("Mobile case", 4, "box", 8, 0),
            T("Earphone case", 2, "box", 8, 0),
            T("Dog coat", 2, "waistcoat", 15, 11),
        ],
    ),
    "Furniture": (0.03, [T("Side table", 3, "box", 60, 0), T("Stool", 2, "box", 50, 0)]),
    "Garment and Shoe care": (
        0.03,
        [
            T("Washing bag", 2, "bag", 5, 0),
            T("Sewing kit", 2, "box", 5, 0),
            T("Cedar balls", 1, "ring", 5, 0),
            T("Stain remover", 1, "bottle", 6, 0),
        ],
    ),
    "Stationery": (0.02, [T("Marker pen", 2, "bottle", 4, 0), T("Notebook", 2, "box", 6, 8)]),
    "Interior textile": (
        0.03,
        [T("Blanket", 2, "scarf", 22, 12), T("Cushion", 1, "box", 14, 0)],
    ),
    "Fun": (0.02, [T("Toy", 1, "toy", 10, 12)]),
}
"""Product groups: share of the articles in percent, and their types."""

APPEARANCES: Final[list[tuple[str, float]]] = [
    ("Solid", 47.1),
    ("All over pattern", 16.3),
    ("Melange", 5.6),
    ("Stripe", 4.7),
    ("Denim", 4.6),
    ("Front print", 3.0),
    ("Placement print", 2.9),
    ("Check", 2.1),
    ("Colour blocking", 1.7),
    ("Lace", 1.4),
    ("Other structure", 1.4),
    ("Application/3D", 1.3),
    ("Embroidery", 1.1),
    ("Mixed solid/pattern", 1.1),
    ("Glittering/Metallic", 0.9),
    ("Jacquard", 0.8),
    ("Sequin", 0.8),
    ("Dot", 0.9),
    ("Treatment", 0.6),
    ("Other pattern", 0.5),
    ("Contrast", 0.4),
    ("Metallic", 0.3),
    ("Chambray", 0.3),
    ("Slub", 0.15),
    ("Transparent", 0.1),
    ("Mesh", 0.1),
    ("Neps", 0.08),
    ("Unknown", 0.06),
    ("Argyle", 0.04),
    ("Hologram", 0.03),
]

C = Colour
COLOURS: Final[list[Colour]] = [
    C("Black", 21.5, (28, 28, 30), "Dark", "Black"),
    C("Dark Blue", 11.5, (30, 42, 78), "Dark", "Blue"),
    C("White", 9.0, (246, 246, 244), "Light", "White"),
    C("Light Pink", 5.5, (240, 200, 205), "Dusty Light", "Pink"),
    C("Grey", 4.3, (140, 141, 144), "Medium Dusty", "Grey"),
    C("Light Beige", 3.2, (226, 212, 190), "Dusty Light", "Beige"),
    C("Blue", 3.1, (62, 104, 170), "Medium", "Blue"),
    C("Red", 2.9, (190, 38, 42), "Bright", "Red"),
    C("Light Blue", 2.9, (168, 198, 226), "Dusty Light", "Blue"),
    C("Greenish Khaki", 2.6, (98, 101, 72), "Medium Dusty", "Khaki green"),
    C("Dark Grey", 2.6, (76, 77, 82), "Dark", "Grey"),
    C("Off White", 2.6, (240, 235, 222), "Light", "White"),
    C("Beige", 2.6, (206, 182, 148), "Dusty Light", "Beige"),
    C("Dark Red", 2.2, (112, 26, 36), "Dark", "Red"),
    C("Dark Green", 2.0, (34, 70, 52), "Dark", "Green"),
    C("Light Grey", 2.0, (204, 205, 207), "Dusty Light", "Grey"),
    C("Pink", 2.0, (226, 120, 150), "Medium", "Pink"),
    C("Yellow", 1.6, (240, 204, 62), "Bright", "Yellow"),
    C("Light Orange", 1.4, (244, 190, 150), "Dusty Light", "Orange"),
    C("Yellowish Brown", 1.4, (150, 108, 62), "Medium Dusty", "Brown"),
    C("Gold", 1.3, (204, 168, 86), "Medium", "Metal"),
    C("Dark Beige", 1.0, (172, 146, 112), "Medium Dusty", "Mole"),
    C("Light Turquoise", 1.0, (168, 220, 214), "Dusty Light", "Turquoise"),
    C("Light Yellow", 0.9, (248, 234, 166), "Light", "Yellow"),
    C("Dark Orange", 0.8, (186, 84, 38), "Medium", "Orange"),
    C("Dark Pink", 0.8, (176, 62, 100), "Medium Dusty", "Pink"),
    C("Green", 0.8, (70, 140, 84), "Medium", "Green"),
    C("Orange", 0.7, (236, 128, 44), "Bright", "Orange"),
    C("Other Pink", 0.7, (232, 96, 176), "Bright", "Pink"),
    C("Silver", 0.7, (188, 192, 198), "Medium", "Metal"),
    C("Light Green", 0.6, (178, 214, 170), "Dusty Light", "Green"),
    C("Dark Yellow", 0.5, (196, 150, 40), "Medium Dusty", "Yellow"),
    C("Light Purple", 0.5, (202, 186, 222), "Dusty Light", "Lilac Purple"),
    C("Dark Turquoise", 0.45, (24, 92, 98), "Dark", "Turquoise"),
    C("Turquoise", 0.4, (54, 160, 164), "Medium", "Turquoise"),
    C("Dark Purple", 0.3, (70, 40, 86), "Dark", "Lilac Purple"),
    C("Light Red", 0.27, (226, 110, 100), "Bright", "Red"),
    C("Greyish Beige", 0.21, (178, 168, 152), "Medium Dusty", "Mole"),
    C("Other Yellow", 0.21, (222, 228, 60), "Bright", "Yellowish Green"),
    C("Purple", 0.17, (128, 82, 156), "Medium", "Lilac Purple"),
    C("Other Orange", 0.14, (250, 104, 70), "Bright", "Orange"),
    C("Other Green", 0.12, (60, 176, 140), "Bright", "Bluish Green"),
    C("Other Red", 0.11, (214, 40, 84), "Bright", "Red"),
    C("Other", 0.1, (160, 150, 170), "Undefined", "undefined"),
    C("Bronze/Copper", 0.09, (160, 104, 70), "Medium", "Metal"),
    C("Other Blue", 0.06, (40, 70, 220), "Bright", "Blue"),
    C("Other Purple", 0.06, (150, 60, 200), "Bright", "Lilac Purple"),
    C("Transparent", 0.04, (228, 234, 238), "Light", "White"),
    C("Unknown", 0.04, (180, 180, 180), "Unknown", "Unknown"),
    C("Other Turquoise", 0.03, (0, 190, 200), "Bright", "Turquoise"),
]

VALUES: Final = [
    "Dusty Light", "Medium Dusty", "Light", "Dark", "Medium", "Bright", "Undefined", "Unknown",
]  # fmt: skip
MASTERS: Final = [
    "Black", "Blue", "White", "Pink", "Grey", "Red", "Beige", "Green", "Khaki green", "Yellow",
    "Orange", "Brown", "Metal", "Turquoise", "Mole", "Lilac Purple", "Unknown", "undefined",
    "Yellowish Green", "Bluish Green",
]  # fmt: skip

NAME_STARTS: Final = [
    "Al", "Ar", "Bel", "Bri", "Ca", "Cor", "Da", "Del", "El", "Em", "Fa", "Fio", "Ga", "Gre",
    "Ha", "Hol", "Ib", "Iv", "Ja", "Jo", "Ka", "Kir", "La", "Lin", "Ma", "Mir", "Na", "Nor", "O",
    "Pa", "Per", "Ro", "Ru", "Sa", "Sig", "Ta", "Tor", "Ul", "Va", "Ves", "Wil", "Ya", "Zo",
]  # fmt: skip
NAME_ENDS: Final = [
    "ba", "bel", "co", "da", "den", "do", "fi", "ga", "ja", "la", "len", "li", "lo", "ma",
    "men", "mo", "na", "ne", "no", "ra", "ren", "ri", "ro", "sa", "sel", "ta", "ti", "va", "vin",
    "ya", "za", "zo",
]  # fmt: skip
CUTS: Final = [
    "Regular fit.", "Slim fit.", "Relaxed fit.", "Straight cut.", "Slightly longer at the back.",
    "Unlined.", "Lined.", "Made for layering.", "With a soft inside.", "Oversized.",
]  # fmt: skip
NAME_EXTRAS: Final = [
    "", "", "", "", "LS", "SS", "slim", "wide", "2-pack", "fancy", "soft", "rib", "print",
    "premium", "long", "short", "3-pack", "light", "cropped", "new",
]  # fmt: skip
FABRICS: Final = [
    "soft cotton jersey", "a fine-knit cotton blend", "woven viscose", "crisp cotton poplin",
    "washed denim", "a wool blend", "airy linen", "stretch jersey", "organic cotton",
    "recycled polyester", "satin", "ribbed jersey", "brushed sweatshirt fabric",
    "imitation leather",
]  # fmt: skip
DETAILS: Final = [
    "a round neckline", "side pockets", "a concealed zip", "a wide hem", "narrow straps",
    "an elasticated waist", "decorative stitching", "covered buttons", "a drawstring",
    "contrasting edges", "a lined upper part", "slits in the sides", "a small embroidered motif",
    "an adjustable fastening",
]  # fmt: skip
