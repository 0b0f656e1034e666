"""N-grams: ns a token of counting, scoring and sampling, beside KenLM, nltk and markovify.

`python -m benchmarks.bench_ngram --data DIR [--lmplz PATH] [--scale]` (see workload.py). The
tokens are the four voices of Bach's chorales at sixteenths, each voice with symbols of its own,
shifted until there are 4.4 million. What is not installed is named as missing: `lmplz` is
KenLM's program, looked for on the path; the other peers are packages of the extra `bench`.

`--scale` counts up to 100 million tokens that a 5-gram of the chorales draws, each size in a
process of its own, in rounds through all sizes so that what else the machine does falls on all:
the median of five times a round, of the rounds, and how far each size is from the line through all.
"""

import argparse
import importlib
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from benchmarks.workload import data_folder, load_pitches, median_time, median_times, report
from stats_composer.models.ngram import NGram
from stats_composer.ngrams import FIRST_SYMBOL, START, ContextTree, count_levels

N, N_TOKENS, N_PEER = 5, 4_400_000, 40_000
SIZES, N_ROUNDS = (12_500_000, 25_000_000, 50_000_000, 100_000_000), 5


def load_pieces(folder, n_tokens=N_TOKENS):
    """Return pieces of symbols: every voice of every chorale, at many shifts."""
    grids = [*load_pitches(folder), *load_pitches(folder, "valid")]
    entries = np.unique(np.concatenate([grid.ravel() for grid in grids]))
    lines = [np.searchsorted(entries, g[:, v]) + 40 * v for g in grids for v in range(g.shape[1])]
    pieces, total, shift = [], 0, 0
    while total < n_tokens:
        pieces += [(line + shift) % 200 for line in lines]
        total, shift = total + sum(map(len, lines)), shift + 1
    _, symbols = np.unique(np.concatenate(pieces), return_inverse=True)
    return np.split(symbols.astype(np.int64), np.cumsum([len(piece) for piece in pieces])[:-1])


def peer(name):
    """Import a peer, or say that it is missing."""
    try:
        return importlib.import_module(name)
    except ImportError:
        print(f"  missing: {name} (pip install stats-composer[bench])")
        return None


# ---- counting -------------------------------------------------------------------------------


def bench_counts(pieces, n_tokens, text, lmplz):
    model = NGram(N)
    rows = [
        ("counts of 1 to 5", median_time(lambda: count(pieces), 5)),
        ("fit and Kneser-Ney", median_time(lambda: model.fit(pieces).tables_, 5)),
    ]
    rows = [(name, seconds / n_tokens * 1e9) for name, seconds in rows]
    if lmplz:
        rows.append(("KenLM lmplz: counts, Kneser-Ney, ARPA file", lmplz / n_tokens * 1e9))
    if nltk := peer("nltk"):
        from nltk.lm.preprocessing import padded_everygram_pipeline

        some = [[str(x) for x in piece] for piece in within(pieces, N_PEER)]
        start = time.thread_time()
        grams, words = padded_everygram_pipeline(N, some)
        nltk.lm.MLE(N).fit(grams, words)
        seconds = time.thread_time() - start
        rows.append(("nltk: counts of 1 to 5", seconds / sum(map(len, some)) * 1e9))
    report(rows, "counts of 1 to 5")


def count(pieces):
    return ContextTree.from_levels(count_levels(pieces, N))


def within(pieces, n_tokens):
    """Return pieces from the front that have about so many tokens."""
    total = np.cumsum([len(piece) for piece in pieces])
    return pieces[: int(np.searchsorted(total, n_tokens)) + 1]


def run_lmplz(program, text, folder):
    """Estimate by KenLM's own program; return its CPU seconds and the model's file."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    arpa = folder / "lmplz.arpa"
    command = [program, "-o", str(N), "-S", "1G", "-T", str(folder), "--discount_fallback"]
    with open(text) as source, open(arpa, "w") as target:
        subprocess.run(command, stdin=source, stdout=target, stderr=subprocess.DEVNULL, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, arpa


# ---- scoring --------------------------------------------------------------------------------


def write_arpa(model, path):
    """Write an interpolated model as ARPA, in which a sentence's end and words have names."""
    tree, tables = model.tree_, model.tables_
    names = {START: "<s>", 1: "</s>"}
    words = [[] for _ in tree.code]
    lines = [[] for _ in range(tree.n)]
    level = np.repeat(np.arange(tree.n + 1), np.diff(tree.level))
    lines[0].append(f"{np.log10(tables.scale[0] * tables.start_escape[0]):.7f}\t<unk>")
    with np.errstate(divide="ignore"):
        log_prob, log_rest = np.log10(tables.prob), np.log10(tables.start_escape)
    for node in range(1, len(tree.code)):
        code = int(tree.code[node])
        words[node] = [*words[tree.parent[node]], names.get(code, str(code - FIRST_SYMBOL))]
        row = f"{-99 if code == START else log_prob[node]:.7f}\t{' '.join(words[node])}"
        if node < tree.n_contexts and log_rest[node] > -np.inf:
            row += f"\t{log_rest[node]:.7f}"
        lines[level[node] - 1].append(row)
    with open(path, "w") as file:
        file.write("\\data\\\n")
        file.writelines(f"ngram {k + 1}={len(rows)}\n" for k, rows in enumerate(lines))
        for k, rows in enumerate(lines):
            file.write(f"\n\\{k + 1}-grams:\n" + "\n".join(rows) + "\n")
        file.write("\n\\end\\\n")


def bench_scores(pieces, n_tokens, arpa, folder):
    # One symbol more than was seen is KenLM's <unk>.
    n_symbols = int(max(piece.max() for piece in pieces)) + 2
    model = NGram(N, n_symbols=n_symbols, end=True).fit(pieces)
    calls = {
        "NGram.score": lambda: model.score(pieces),
        "NGram.score_samples": lambda: model.score_samples(pieces),
    }
    kenlm = peer("kenlm")
    if kenlm:
        own = folder / "own.arpa"
        write_arpa(model, own)
        sentences = [" ".join(map(str, piece)) for piece in pieces]
        ours = model.score_samples(pieces)
        for name, path in (("NGram's own model", own), ("lmplz's model", arpa)):
            if path:
                loaded = kenlm.Model(str(path))
                theirs = np.array([loaded.score(s) for s in sentences]) * np.log(10)
                print(f"  mean nats a token: {name} in KenLM {theirs.sum() / n_tokens:.6f}, "
                      f"NGram {ours.sum() / n_tokens:.6f}")  # fmt: skip
        calls["kenlm.Model.score, of a sentence"] = lambda: [loaded.score(s) for s in sentences]
        calls["kenlm.Model.full_scores, of its words"] = lambda: [
            list(loaded.full_scores(s)) for s in sentences
        ]
    seconds = median_times(calls.values())
    rows = zip(calls, np.divide(seconds, n_tokens / 1e9).tolist(), strict=True)
    report(list(rows), "NGram.score")


# ---- sampling -------------------------------------------------------------------------------


def bench_samples(pieces):
    model = NGram(N).fit(pieces)
    seconds = median_time(lambda: model.sample(1000, n_steps=1000, random_state=0), 5)
    rows = [("NGram.sample, context of 4", seconds * 1e3)]
    if markovify := peer("markovify"):
        some = [[str(x) for x in piece] for piece in within(pieces, 400_000)]
        chain = markovify.Chain(some, state_size=N - 1)
        start, n_words = time.thread_time(), 0
        while n_words < N_PEER:
            n_words += len(chain.walk())
        rows.append(("markovify.Chain.walk", (time.thread_time() - start) / n_words * 1e9))
    report(rows, "NGram.sample, context of 4")


# ---- scale ----------------------------------------------------------------------------------


def bench_scale(folder):
    print("counts of 1 to 5 of drawn tokens, each size in its own process:")
    command = [sys.executable, "-m", "benchmarks.bench_ngram", "--data", str(folder), "--size"]
    rounds = np.empty((N_ROUNDS, len(SIZES)))
    for times in rounds:
        for i, size in enumerate(SIZES):
            run = subprocess.run(
                [*command, str(size)], check=True, stdout=subprocess.PIPE, text=True
            )
            print(run.stdout, end="", flush=True)
            times[i] = float(run.stdout.split()[2])
    seconds = np.median(rounds, axis=0)
    slope = np.mean(np.divide(seconds, SIZES))
    for size, s in zip(SIZES, seconds, strict=True):
        print(f"  {size:12,} tokens {s / size * 1e9:6.2f} ns a token, median of {N_ROUNDS} rounds, "
              f"{s / (slope * size) - 1:+.1%} off the line of {slope * 1e9:.2f}")  # fmt: skip


def count_size(folder, size):
    model = NGram(N).fit(load_pieces(folder, 1_000_000))
    rng, length = np.random.default_rng(0), 1000
    symbols = np.empty((size // length, length), np.int64)
    for i in range(0, len(symbols), 1000):
        n = len(symbols[i : i + 1000])
        symbols[i : i + 1000] = model.sample(n, n_steps=length, random_state=rng)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    seconds = []
    for _ in range(5):
        start = time.process_time()
        tree = NGram(N).fit(list(symbols)).tree_
        seconds.append(time.process_time() - start)
    seconds = np.median(seconds)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(f"  {symbols.size:12,} tokens {seconds:7.3f} s {seconds / symbols.size * 1e9:6.2f} ns a "
          f"token, {len(tree.code):,} n-grams, peak {peak:.2f} GB, {before:.2f} before",
          flush=True)  # fmt: skip


def main():
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("--lmplz", default=shutil.which("lmplz"))
    parser.add_argument("--scale", action="store_true")
    parser.add_argument("--size", type=int)
    given, _ = parser.parse_known_args()
    folder = data_folder(__doc__)
    if given.size or given.scale:
        return count_size(folder, given.size) if given.size else bench_scale(folder)
    pieces = load_pieces(folder)
    n_tokens = sum(map(len, pieces))
    print(f"{n_tokens:,} tokens in {len(pieces):,} pieces, {os.cpu_count()} cores")
    with tempfile.TemporaryDirectory() as scratch:
        text = Path(scratch) / "pieces.txt"
        text.write_text("".join(" ".join(map(str, piece)) + "\n" for piece in pieces))
        seconds, arpa = None, None
        if given.lmplz:
            seconds, arpa = run_lmplz(given.lmplz, text, Path(scratch))
        else:
            print("  missing: lmplz (of https://github.com/kpu/kenlm; give its path by --lmplz)")
        bench_counts(pieces, n_tokens, text, seconds)
        bench_scores(pieces, n_tokens, arpa, Path(scratch))
        bench_samples(pieces)
    return None


if __name__ == "__main__":
    main()
