"""The turning classifier: its formula by hand, its gradient, its symmetry, its peer."""

import numpy as np
import pytest

from stats_composer.models.turning import N_COUNTS, Counted, Framed, TurningClassifier, softmax


def naive_scores(model, seen):
    """Sum formulas (1), (2) and (3) term by term."""
    n, n_profiles, n_rows = seen.shape
    scores = np.zeros((n, n_rows, model.n_classes))
    view, counted = model.framed, model.counted
    framed = model.framed_weights_.reshape(-1, n_rows, n_rows, model.n_classes)
    for t in range(n):
        bass = int(seen[t, view.bass].argmax())
        count = sum(1 for share in seen[t, counted.profile] if share > 0)
        weights = model.weights_ + model.counted_weights_[min(max(count, 1), N_COUNTS) - 1]
        for row in range(n_rows):
            scores[t, row] += model.bias_
            for d in range(n_rows):
                for k in range(n_profiles):
                    scores[t, row] += weights[k, d] * seen[t, k, (row + d) % n_rows]
                for j, k in enumerate(view.profiles):
                    weight = framed[j, d, (row - bass) % n_rows]
                    scores[t, row] += weight * seen[t, k, (bass + d) % n_rows]
    return scores.reshape(n, -1)


@pytest.fixture
def small():
    rng = np.random.default_rng(1)
    seen = rng.random((40, 3, 4)).astype(np.float32)
    seen[:, 2] *= rng.random((40, 4)) > 0.4  # some rows of it are counted, some are not
    labels = seen[:, 0].argmax(axis=1) * 2 + (seen[:, 1, 0] > 0.5)
    return seen, labels


def fitted(seen, labels, **options):
    told = {"framed": Framed(0, (1, 2)), "counted": Counted(2), "n_epochs": 30, **options}
    return TurningClassifier(n_classes=2, n_rows=4, **told).fit(seen, labels)


@pytest.mark.parametrize("loss", ["hinge", "log"])
def test_scores_are_the_formula(small, loss):
    seen, labels = small
    model = fitted(seen, labels, loss=loss, batch_size=8)
    expected = naive_scores(model, seen)
    np.testing.assert_allclose(model.decision_function(seen), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("loss", ["hinge", "log"])
def test_gradients_are_slopes_of_the_loss(small, loss):
    seen, labels = small
    free = {"l2": 0.0, "framed": Framed(0, (1, 2), l2=0.0), "counted": Counted(2, l2=0.0)}
    model = fitted(seen, labels, loss=loss, batch_size=8, **free)
    rng = np.random.default_rng(2)
    parts = model.weights_, model.bias_, model.framed_weights_, model.counted_weights_
    for part in parts:  # away from the bends of the hinge, at which its minimum lies
        part += rng.normal(0, 0.2, part.shape).astype(np.float32)
    row = np.arange(len(labels))

    def mean_loss():
        scores = model.decision_function(seen).astype(np.float64)
        if loss == "log":
            return -np.log(softmax(scores)[row, labels]).mean()
        raised = scores + 1.0
        raised[row, labels] -= 1.0
        return (raised.max(axis=1) - scores[row, labels]).mean()

    slopes = model._gradients(seen, labels)
    for part, slope in zip(parts, slopes, strict=True):
        place = np.unravel_index(abs(slope).argmax(), slope.shape)
        kept = part[place]
        ends = []
        for shift in (2e-3, -2e-3):
            part[place] = kept + shift
            ends.append(mean_loss())
        part[place] = kept
        assert (ends[0] - ends[1]) / 4e-3 == pytest.approx(slope[place], rel=0.1, abs=2e-3)


def test_what_two_tones_mean_is_learned_apart_from_what_three_do():
    seen = np.zeros((2, 2, 3), np.float32)
    seen[:, 0, 0] = 1.0
    seen[0, 1, :2], seen[1, 1] = 1.0, 1.0  # two rows, three rows
    options = {"n_classes": 2, "n_rows": 3, "n_epochs": 60, "batch_size": 2}
    model = TurningClassifier(counted=Counted(1), **options).fit(seen, np.array([0, 1]))
    assert model.predict(seen).tolist() == [0, 1]
    used = abs(model.counted_weights_).max(axis=(1, 2, 3)) > 0
    assert used.tolist() == [False, True, True, False, False]


def test_answers_turn_with_what_is_seen(small):
    seen, labels = small
    model = fitted(seen, labels, batch_size=8)
    moved = model.decision_function(np.roll(seen, 3, axis=2)).reshape(-1, 4, 2)
    expected = np.roll(model.decision_function(seen).reshape(-1, 4, 2), 3, axis=1)
    np.testing.assert_allclose(moved, expected, rtol=1e-4, atol=1e-5)


def test_where_no_bass_is_marked_answers_turn_too(small):
    seen, labels = small
    model = fitted(seen, labels, batch_size=8)
    silent = seen.copy()
    silent[:, 0] = 0.0
    moved = model.decision_function(np.roll(silent, 1, axis=2)).reshape(-1, 4, 2)
    expected = np.roll(model.decision_function(silent).reshape(-1, 4, 2), 1, axis=1)
    np.testing.assert_allclose(moved, expected, rtol=1e-4, atol=1e-5)


def test_it_agrees_with_crammer_and_singers_machine_of_scikit_learn():
    from sklearn.svm import LinearSVC

    rng = np.random.default_rng(0)
    seen = np.zeros((300, 2, 3), np.float32)
    labels = rng.integers(0, 3, 300)
    seen[np.arange(300), 0, labels] = 1.0
    seen += rng.normal(0, 0.4, seen.shape).astype(np.float32)
    ours = TurningClassifier(n_classes=1, n_rows=3, n_epochs=200, batch_size=64).fit(seen, labels)
    # all turns of the examples, so that the peer knows what we know
    turned = np.concatenate([np.roll(seen, k, axis=2).reshape(300, -1) for k in range(3)])
    answers = np.concatenate([(labels + k) % 3 for k in range(3)])
    peer = LinearSVC(multi_class="crammer_singer", C=1.0, random_state=0, max_iter=50000)
    peer.fit(turned, answers)
    agree = peer.predict(seen.reshape(300, -1)) == ours.predict(seen)
    assert agree.mean() > 0.98


def test_bad_input_is_named(small):
    seen, labels = small
    with pytest.raises(ValueError, match="expected 'hinge' or 'log'"):
        TurningClassifier(n_classes=2, n_rows=4, loss="square").fit(seen, labels)
    with pytest.raises(ValueError, match="expected as many"):
        TurningClassifier(n_classes=2, n_rows=4).fit(seen, labels[1:])
    with pytest.raises(ValueError, match="less than 8"):
        TurningClassifier(n_classes=2, n_rows=4).fit(seen, labels + 7)
