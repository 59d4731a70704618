"""How Sphinx builds these pages; ``make docs`` runs it."""

import re

import voxlstm

project = "voxlstm"
author = "The voxlstm authors"
copyright = author
release = voxlstm.__version__

extensions = ["sphinx.ext.autodoc", "sphinx.ext.napoleon"]
highlight_language = "none"
default_role = "literal"  # docstrings name code in single backquotes

autodoc_member_order = "bysource"
napoleon_google_docstring = False
napoleon_use_rtype = False

html_theme = "alabaster"
html_theme_options = {
    "description": "3-D shape from pictures, in Theano",
    "fixed_sidebar": True,
    "page_width": "1200px",
    "body_max_width": "auto",
}
html_static_path = ["_static"]
html_css_files = ["page.css"]
html_show_sourcelink = False
html_show_copyright = False


def setup(app):
    """Let docstrings write the size of a set as |set|, which is no substitution."""

    def escape(app, what, name, obj, options, lines):
        lines[:] = [re.sub(r"\|(?=\{)|(?<=\})\|", r"\|", line) for line in lines]

    app.connect("autodoc-process-docstring", escape)
