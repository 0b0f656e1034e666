"""Plain Python twin of the draw of a directed model; nothing here is shared with it."""

import math


def draw_law(log_prob, held, staying, moving, min_p):
    """Return the law of `draw_site` for normalised log-weights, -inf where forbidden."""
    n = len(log_prob)
    others = [k for k in range(n) if k != held and log_prob[k] > -math.inf]
    stays = 0.0
    if held is not None and log_prob[held] > -math.inf:
        p = math.exp(log_prob[held])
        rest = sum(math.exp(log_prob[k]) for k in others)
        one, other = p ** (1 / staying), rest ** (1 / staying)
        stays = one / (one + other)
    most = max(math.exp(log_prob[k]) for k in others)
    weight = {
        k: math.exp(log_prob[k] / moving)
        for k in others
        if math.exp(log_prob[k]) >= min_p * most * (1 - 1e-12)
    }
    law = [(1 - stays) * weight.get(k, 0.0) / sum(weight.values()) for k in range(n)]
    if held is not None:
        law[held] = stays
    return law
