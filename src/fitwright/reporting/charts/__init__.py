"""Charts as hand-made SVG: no library, coloured by the page's style sheet, described in words."""
