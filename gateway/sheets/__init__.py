"""Tags of a site file in a spreadsheet, both ways: `nxgate tags export`, `nxgate tags import`.

Read `table.py` first (CSV and XLSX as rows of text), then `columns.py` (what a column means),
`tags.py` (the site file's tags as rows) and `exporting.py`. The other way: `sheet.py` (columns
found), `intent.py` (what rows ask for), `importing.py` (the course of it), `judging.py` (which row
brings which fault), `standin.py` (the new file beside the old one). The text is changed by
`sitefile/patch.py`.

And many site files from one: `nxgate sites`, by `filling.py` (a template's blanks) and `fleet.py`.
"""
