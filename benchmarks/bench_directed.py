"""The roads of a harmonization: Gibbs sampling, one directed pass, and both together.

A composer fitted on the train split alone harmonizes the sopranos of the valid split by each
road, as often as `--seeds` says. Printed for Bach's own settings and for each road:

* nats of an eighth, of the three lower voices given the soprano, by the directed model, which
  is another's judgement of what Gibbs sampling writes (of settings less than 1.9, which is
  Bach's, is more usual than Bach);
* the card of `evaluation/card.py`;
* the area under the curve of a linear classifier that tells settings from Bach's of the same
  melodies by how often chords, steps, intervals and motions come, over folds of melodies: .5
  where it cannot; and the distance of these frequencies to Bach's, over that of the training
  pieces;
* CPU seconds of a harmonization, warm.

`python -m benchmarks.bench_directed --data DIR`; `--composer FILE` reads a composer fitted so.
"""

import time
import warnings
from itertools import chain

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GroupKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from benchmarks.chorales import arguments, encode_all, fit_composer, split_scores
from stats_composer.composers.chorale import ChoraleComposer
from stats_composer.composers.chorale.roads import ROADS, Road, drafting_model
from stats_composer.errors import ScoreWarning
from stats_composer.evaluation.card import card
from stats_composer.theory import TICKS_PER_QUARTER
from stats_composer.views import grid

SHORT = {"drafted": True, "hot": 1.0}
COMPARED = {
    **ROADS,
    "both, 30 sweeps": Road(**SHORT, sweeps=(0, 0, 30)),
    "both, 240 sweeps": Road(**SHORT, sweeps=(0, 160, 80)),
    "gibbs, 60 sweeps": Road(sweeps=(20, 20, 20)),
    "expert .1": Road(**SHORT, sweeps=(0, 20, 20), expert_weight=0.1),
    "expert .3": Road(**SHORT, sweeps=(0, 20, 20), expert_weight=0.3),
    "expert 1": Road(**SHORT, sweeps=(0, 20, 20), expert_weight=1.0),
}


def features(score):
    """Count what comes how often on the eighths of a setting, by key of a dict."""
    pitch, _ = grid(score, TICKS_PER_QUARTER // 2)
    pitch = pitch[(pitch >= 0).all(axis=1)]
    counts = {}

    def count(*key):
        counts[key] = counts.get(key, 0) + 1 / max(len(pitch), 1)

    for t, row in enumerate(pitch):
        above = tuple(sorted({int(p - row[-1]) % 12 for p in row}))
        count("chord", above, t % 2)
        for v in range(1, 4):
            count("space", v, int(row[v - 1] - row[v]))
        if t == 0:
            continue
        step = row - pitch[t - 1]
        count("moved", tuple((step != 0).tolist()), t % 2)
        for v in range(1, 4):
            count("step", v, int(np.clip(step[v], -13, 13)), t % 2)
            for w in range(v):
                count("motion", v, w, int(np.sign(step[v])), int(np.sign(step[w])))
    return counts


def matrix(settings, names):
    """Return the frequencies as rows."""
    return np.array([[counts.get(name, 0.0) for name in names] for counts in settings])


def judge(roads, own, train):
    """Return AUC and distance of each road's settings, several a melody."""
    names = [n for n in {k: 0 for c in train for k in c} if sum(n in c for c in train) >= 10]
    bach, scale = matrix(own, names), matrix(train, names)
    spread = scale.std(axis=0) + 1e-9
    base = np.abs((scale.mean(axis=0) - bach.mean(axis=0)) / spread).mean()
    found = {}
    for road, seeds in roads.items():
        areas = []
        for settings in seeds:
            X = np.concatenate([bach, matrix(settings, names)])
            y = np.repeat([0, 1], len(bach))
            model = make_pipeline(StandardScaler(), LogisticRegression(C=1e-3, max_iter=200))
            folds = GroupKFold(7).split(X, y, np.tile(np.arange(len(bach)), 2))
            said = cross_val_predict(model, X, y, cv=list(folds), method="decision_function")
            areas.append(roc_auc_score(y, said))
        mean = np.concatenate([matrix(settings, names) for settings in seeds]).mean(axis=0)
        distance = np.abs((mean - bach.mean(axis=0)) / spread).mean() / base
        found[road] = float(np.mean(areas)), float(distance)
    return found


def main():
    options = arguments(__doc__, seeds=2, composer="", roads="")
    warnings.simplefilter("ignore", ScoreWarning)
    train, valid = split_scores(options.data)
    composer = ChoraleComposer.load(options.composer) if options.composer else fit_composer(train)
    start = time.process_time()
    composer.directed_ = drafting_model(composer.encoder_)
    composer.directed_.fit(encode_all(composer.encoder_, train))
    n_contexts = len(composer.directed_.tables_.key)
    print(f"directed model: {time.process_time() - start:.1f} s of CPU, {n_contexts:,} contexts")
    report("Bach", composer, valid)
    chosen = [name for name in COMPARED if name in options.roads.split("/") or not options.roads]
    heard = {}
    for name in chosen:
        composer.harmonize(valid[0].select(*valid[0].voices[0]), road=COMPARED[name])
        start = time.process_time()
        heard[name] = [
            [
                composer.harmonize(
                    score.select(*score.voices[0]), road=COMPARED[name], random_state=seed + number
                )
                for number, score in enumerate(valid)
            ]
            for seed in range(0, 1000 * options.seeds, 1000)
        ]
        seconds = (time.process_time() - start) / options.seeds / len(valid)
        report(f"{name} {seconds:.3f} s", composer, list(chain.from_iterable(heard[name])))
    counted = {k: [list(map(features, one)) for one in seeds] for k, seeds in heard.items()}
    judged = judge(counted, list(map(features, valid)), list(map(features, train)))
    for name, (area, distance) in judged.items():
        print(f"{name:18} AUC {area:.2f}  distance {distance:.2f}")


def report(name, composer, scores):
    """Print the nats and the card of settings."""
    model = composer.directed_
    nats = -np.concatenate([model.log_probs(g) for g in encode_all(composer.encoder_, scores)])
    voices = " ".join(f"{x:.2f}" for x in nats.mean(axis=0))
    print(
        f"{name:26} {nats.sum(axis=1).mean():.3f} nats ({voices})\n    {card(scores)}", flush=True
    )


if __name__ == "__main__":
    main()
