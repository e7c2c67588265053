"""Tables: Tables 2 and 3 (`tables`, then `text`), leaderboard, recovery, pages on the data.

Each is made as a data frame of numbers, formatted by `cells` and written side by side as CSV and as
Markdown or HTML.
"""
