"""The documentation as Sphinx builds it: `sphinx-build -W -j 2 docs docs/build/html`.

Why MyST-NB and not Sphinx-Gallery: a chapter of the course is a Python script in cells, which
Jupytext reads as a notebook, a Jupyter kernel runs, and Sphinx sets as a page. So one file is
script, notebook and page; scores show themselves as in JupyterLab, engraved and with sound; and
the pages in Markdown run their examples, those in the shell too, in the same way. An example
that fails, fails the build.

Nothing is fetched by a reader's browser: formulas are MathML, which docutils writes and
browsers set themselves.
"""

import os
import sys
import warnings
from pathlib import Path

from stats_composer import __version__

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE / "_ext"))
# What the examples are run with: the commands of this environment, and one thread a kernel.
os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
os.environ.setdefault("NUMBA_NUM_THREADS", "1")
os.environ["MPLBACKEND"] = "module://matplotlib_inline.backend_inline"

project = "stats-composer"
author = "the authors of stats-composer"
version = release = __version__

extensions = [
    "myst_nb",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx_design",
    "chapters",
    "mathml",
    "rooms",
    "streams",
]
templates_path = ["_templates"]
exclude_patterns = ["build", "_ext", "conf.py"]
source_suffix = {".rst": "restructuredtext", ".md": "myst-nb", ".py": "myst-nb"}
nb_custom_formats = {".py": ["jupytext.reads", {"fmt": "py:percent"}]}

# ---- examples ----------------------------------------------------------------------------------

nb_execution_mode = "cache"
nb_execution_cache_path = str(HERE / "build" / "examples")
nb_execution_raise_on_error = True
nb_execution_show_tb = True
nb_execution_timeout = 600
nb_execution_in_temp = True
nb_merge_streams = True
nb_mime_priority_overrides = [("html", "text/html", 0), ("html", "image/svg+xml", 10)]
myst_enable_extensions = ["attrs_inline", "colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 3

# ---- reference ---------------------------------------------------------------------------------

autodoc_typehints = "none"
numpydoc_show_class_members = False
numpydoc_xref_param_type = False
suppress_warnings = ["mystnb.unknown_mime_type"]

# ---- pages -------------------------------------------------------------------------------------

html_theme = "pydata_sphinx_theme"
html_title = "stats-composer"
html_static_path = ["_static"]
html_css_files = ["style.css"]
html_copy_source = False
html_show_sourcelink = False
html_sidebars = {"design": [], "figures": [], "limits": []}
html_theme_options = {
    "secondary_sidebar_items": ["page-toc"],
    "article_header_end": ["chapter-files"],
    "show_prev_next": True,
    "navigation_with_keys": False,
    "pygments_light_style": "a11y-high-contrast-light",
    "header_links_before_dropdown": 8,
    "footer_start": ["copyright"],
    "footer_end": [],
}
copyright = "the authors of stats-composer; Bach's music is in the public domain"
warnings.filterwarnings("ignore", category=DeprecationWarning)
