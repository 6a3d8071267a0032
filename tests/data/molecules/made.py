"""A table of 200 molecules, a tenth of which cannot be used, each in its own way."""

import csv
import io

GOOD = ["C" * (1 + n % 12) + ("O", "N", "c1ccccc1", "C(=O)O", "Cl")[n % 5] for n in range(200)]

# What stands in the line instead, and why the row takes no part; None where it does.
BROKEN = {
    0: ('C1CC,1.5,"x"', "unclosed ring for input: 'C1CC'"),
    7: (',2.5,"x"', "empty: a SMILES has at least one atom"),
    13: ('   ,2.5,"x"', "empty: a SMILES has at least one atom"),
    22: ('CN(C)(C)(C)C,2.5,"x"', "Explicit valence for atom # 1 N, 5, is greater than permitted"),
    31: ('hello,2.5,"x"', "syntax error while parsing: hello; check for mistakes around positio"),
    40: ('c1cccc1,2.5,"x"', "Can't kekulize mol."),
    58: (f'{"C" * 1001},2.5,"x"', "1001 atoms, more than max_atoms=1000"),
    66: (f'{"C" * 10_001},2.5,"x"', "longer than 10000 characters"),
    75: ('*CCO,2.5,"x"', "a wildcard atom '*', which can be any element"),
    84: ("CCO,0.5,x,1", "has 4 cells, but the header has 3: perhaps an unquoted ','"),
    99: ("CCO,0.5", "has 2 cells, but the header has 3"),
    104: ("CCO,,x", "no target"),
    111: ("CCO,NaN,x", "no target"),
    120: ("CCO,soluble,x", "'y' is 'soluble', which is not a number"),
    128: ("CCO,1e400,x", "'y' is '1e400', which is not a number"),
    137: ("CCO,>100,x", "'y' is '>100', which is not a number"),
    # These look odd, and are molecules all the same.
    150: ("[Na],2.5,x", None),
    161: (f'{"C" * 500},2.5,"five hundred atoms"', None),
    170: ("[NH3]->[Pt](Cl)(Cl)<-[NH3],2.5,a metal", None),
    181: ("CC(=O)[O-].[Na+].[Ca+2],2.5,charged fragments", None),
    190: (' CCO ,2.5,"a ""quoted"" note,\nwhich goes on in\n\nanother line"', None),
}
FAILED = {row: reason for row, (_, reason) in BROKEN.items() if reason}


def lines():
    """The table, with a byte-order mark, blank lines and the line ends of Windows."""
    good = [f"{smiles},{0.01 * n + 0.5:.2f},row {n}" for n, smiles in enumerate(GOOD)]
    rows = [BROKEN[n][0] if n in BROKEN else line for n, line in enumerate(good)]
    text = "\ufeffsmiles,y,note\n\n" + "\n".join(rows[:50]) + "\n\n\n" + "\n".join(rows[50:])
    return text.replace("\n", "\r\n") + "\r\n"


def table(columns, rows, delimiter=","):
    """Any table as text."""
    file = io.StringIO(newline="")
    csv.writer(file, delimiter=delimiter).writerows([columns, *rows])
    return file.getvalue()
