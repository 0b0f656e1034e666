"""Scores as pictures and sound: engraved pages, piano rolls, plots, a WAV, a notebook's HTML."""

from stats_composer.render.card import CardPanels, draw_card
from stats_composer.render.engraving import engrave, rasterize
from stats_composer.render.notebook import score_html
from stats_composer.render.plots import (
    calibration_curve,
    cluster_map,
    copied_runs,
    coupling_maps,
    fifths_confusion,
    pair_scatter,
    trace_plot,
)
from stats_composer.render.roll import piano_roll
from stats_composer.render.save import save_engraving, save_figure, save_piano_roll
from stats_composer.render.teaching import (
    cluster_pages,
    context_tree,
    surprise_pages,
    transition_graph,
)
from stats_composer.render.wav import synthesize, wav_bytes

__all__ = [
    "CardPanels",
    "calibration_curve",
    "cluster_map",
    "cluster_pages",
    "context_tree",
    "copied_runs",
    "coupling_maps",
    "draw_card",
    "engrave",
    "fifths_confusion",
    "pair_scatter",
    "piano_roll",
    "rasterize",
    "save_engraving",
    "save_figure",
    "save_piano_roll",
    "score_html",
    "surprise_pages",
    "synthesize",
    "trace_plot",
    "transition_graph",
    "wav_bytes",
]
