"""Measure how the keys of charts are told: `python -m benchmarks.charts --data DIR`.

The charts are those of the Jazz Harmony Treebank, `DIR/jazz/chord_progressions.json`.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
from scipy.optimize import minimize

from stats_composer.composers.jazz.key import KEYS, describe_keys
from stats_composer.theory import MAJOR, MINOR, parse_chord

N_FOLDS = 5
PENALTY = 0.01


def read_charts(path):
    """Return what is told of the 24 keys of each chart, and the number of the right one."""
    rows, right = [], []
    for chart in json.loads(path.read_text("utf-8")):
        key = chart["key"]
        tonic = "FCGDAEB".index(key[0].upper()) - 1 + 7 * (key.count("#") - key.count("-"))
        mode = MINOR if key[0].islower() else MAJOR
        at = [
            (bar - 1) * chart["meter"]["numerator"] + beat - 1
            for bar, beat in zip(chart["measures"], chart["beats"], strict=False)
        ]  # lists of some charts break off
        chords = [parse_chord(symbol, minus="minor") for symbol in chart["chords"]][: len(at)]
        length = np.maximum(np.diff(at, append=at[-1] + chart["meter"]["numerator"]), 1)
        rows.append(describe_keys(chords, length[: len(chords)]))
        right.append(KEYS.index(((tonic + 5) % 12 - 5, mode)))
    return np.array(rows), np.array(right)


def learn(rows, right):
    """Return the weights of the conditional logit, under a Gaussian prior."""
    scale = rows.reshape(-1, rows.shape[-1]).std(axis=0)
    told = rows / scale

    def loss(weight):
        score = told @ weight
        log_prob = score - np.logaddexp.reduce(score, axis=1, keepdims=True)
        pull = (np.exp(log_prob)[..., None] * told).sum(axis=1) - told[np.arange(len(right)), right]
        mine = log_prob[np.arange(len(right)), right]
        return PENALTY * weight @ weight / 2 - mine.mean(), PENALTY * weight + pull.mean(axis=0)

    return minimize(loss, np.zeros(rows.shape[-1]), jac=True).x / scale


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    rows, right = read_charts(parser.parse_args().data / "jazz/chord_progressions.json")
    fold = np.random.default_rng(0).integers(0, N_FOLDS, len(right))
    found = np.zeros_like(right)
    for number in range(N_FOLDS):
        weight = learn(rows[fold != number], right[fold != number])
        found[fold == number] = (rows[fold == number] @ weight).argmax(axis=1)
    print("weights of all:", learn(rows, right).round(2).tolist())
    print(
        f"{len(right)} charts, {N_FOLDS} folds: tonic {np.mean(found // 2 == right // 2):.1%}, "
        f"with its mode {np.mean(found == right):.1%}"
    )


if __name__ == "__main__":
    main()
