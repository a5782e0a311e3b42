#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Prints the values that the tests of these packages expect, from numpy, scipy
and statsmodels (Debian: python3-scipy, python3-statsmodels).

    notebooks/values.py
"""
import itertools

import numpy as np
from scipy import stats


def series(n, phi, seed):
    """A series that Go makes as well: a linear congruential generator's
    uniform numbers through an AR(1)."""
    x, out, s = 0.0, [], seed
    for _ in range(n):
        s = (s * 1103515245 + 12345) % 2**31
        x = phi * x + s / 2**31 - 0.5
        out.append(x)
    return np.array(out)


print("quantile: bounds (n, q, level, lo, hi); 0 or n+1: none")
for n in (10, 59, 60, 100, 1000, 100000):
    for q in (0.5, 0.9, 0.99):
        for level in (0.95, 0.99):
            t = (1 - level) / 2
            lo = max((r for r in range(0, n + 1) if stats.binom.cdf(r - 1, n, q) <= t), default=0) if n < 5000 else int(stats.binom.ppf(t, n, q))
            hi = min((r for r in range(1, n + 2) if stats.binom.sf(r - 1, n, q) <= t), default=n + 1) if n < 5000 else int(stats.binom.isf(t, n, q)) + 1
            if n >= 5000:
                while stats.binom.cdf(lo, n, q) <= t:
                    lo += 1
                while stats.binom.cdf(lo - 1, n, q) > t:
                    lo -= 1
                while stats.binom.sf(hi - 2, n, q) <= t:
                    hi -= 1
                while stats.binom.sf(hi - 1, n, q) > t:
                    hi += 1
            print(f"\t{{{n}, {q}, {level}, {lo}, {hi}}},")


def politis_white(x):
    """Politis and White 2004 with the correction of Patton, Politis and White
    2009, for the circular (moving) block bootstrap, as R's np::b.star."""
    n = len(x)
    k = max(5, int(np.ceil(np.log10(n))))
    mmax = int(np.ceil(np.sqrt(n))) + k
    bmax = np.ceil(min(3 * np.sqrt(n), n / 3))
    d = x - x.mean()
    acov = np.array([np.sum(d[: n - j] * d[j:]) / n for j in range(mmax + 1)])
    rho = acov / acov[0]
    crit = stats.norm.ppf(0.975) * np.sqrt(np.log10(n) / n)
    small = np.abs(rho[1:]) < crit
    m = None
    for i in range(0, mmax - k + 1):
        if small[i : i + k].all():
            m = i
            break
    if m is None:
        big = np.nonzero(~small)[0]
        m = big[-1] + 1 if len(big) else 1
    m = min(2 * max(m, 1), mmax)
    lags = np.arange(-m, m + 1)
    w = np.minimum(1, 2 * (1 - np.abs(lags) / m))
    g0 = np.sum(w * acov[np.abs(lags)])
    g = np.sum(w * np.abs(lags) * acov[np.abs(lags)])
    b = (2 * g * g / (4 / 3 * g0 * g0)) ** (1 / 3) * n ** (1 / 3)
    return max(1, min(b, bmax))


print("bootstrap: block length (n, phi, length)")
for n in (200, 1000, 5000):
    for phi in (0, 0.5, 0.95):
        print(f"\t{{{n}, {phi}, {politis_white(series(n, phi, 7)):.6f}}},")

print("bootstrap: design effect of three runs, by one-way analysis of variance")
groups = [series(50, 0.2, s) + s / 20 for s in (1, 2, 3, 4)]
grand = np.concatenate(groups)
k, m = len(groups), 50
msb = m * np.var([g.mean() for g in groups], ddof=1)
print(f"\t{(msb / m / k) / (grand.var(ddof=1) / len(grand)):.9f}")

import statsmodels.api as sm
from statsmodels.tsa.stattools import acf

print("series: (n, phi, tau, p of Mann-Kendall, acf at 1 and 5)")
for n in (20, 50, 200):
    for phi in (0, 0.5):
        x = series(n, phi, 3) + np.arange(n) * 0.005
        s = sum(np.sign(x[j] - x[i]) for i in range(n) for j in range(i + 1, n))
        v = n * (n - 1) * (2 * n + 5) / 18
        z = (s - np.sign(s)) / np.sqrt(v)
        a = acf(x, nlags=5, fft=False)
        print(f"\t{{{n}, {phi}, {stats.kendalltau(np.arange(n), x)[0]:.9f}, {2 * stats.norm.sf(abs(z)):.9f}, {a[1]:.9f}, {a[5]:.9f}}},")

print("series: Pettitt (n, jump at, place, p)")
for n, at in ((50, 20), (200, 60)):
    x = series(n, 0, 5) + 0.6 * (np.arange(n) >= at)
    r = stats.rankdata(x)
    u = np.array([2 * r[: t + 1].sum() - (t + 1) * (n + 1) for t in range(n)])
    t = int(np.argmax(np.abs(u)))
    p = min(1, 2 * np.exp(-6 * u[t] ** 2 / (n**3 + n**2)))
    print(f"\t{{{n}, {at}, {t + 1}, {p:.9g}}},")

print("attribution: quantile regression y = 1 + 2a + b(a) noise (q, coefficients, check loss)")
n = 64
a = (np.arange(n) % 2).astype(float)
b = (np.arange(n) // 2 % 2).astype(float)
y = 10 + 2 * a - b + 3 * a * b + series(n, 0, 11) * (1 + 4 * a)
x = np.column_stack([np.ones(n), a, b, a * b])
z = np.column_stack([np.ones(n), np.arange(n) / n])
for q in (0.5, 0.9):
    for name, m in (("design", x), ("slope", z)):
        fit = sm.QuantReg(y, m).fit(q=q, max_iter=10000, p_tol=1e-10)
        e = y - m @ fit.params
        print(f"\t{name} {q}: {np.round(fit.params, 6).tolist()} loss {np.sum(e * (q - (e < 0))):.8f}")

print("queue: M/M/c with mean service 1 (servers, load, mean, p90 and p99 of the response time)")
from scipy import integrate, optimize, special  # noqa: E402


def erlang_c(c, a):
    top = a**c / special.factorial(c) * c / (c - a)
    return top / (sum(a**k / special.factorial(k) for k in range(c)) + top)


for c, rho in ((1, 0.7), (3, 0.7), (8, 0.9)):
    waits, rate = erlang_c(c, c * rho), c * (1 - rho)

    def slower(t):
        """P(wait + service > t): the wait is 0, or exponential with that rate."""
        if abs(rate - 1) < 1e-9:
            return np.exp(-t) * (1 + waits * t)
        both = (rate * np.exp(-t) - np.exp(-rate * t)) / (rate - 1)
        return (1 - waits) * np.exp(-t) + waits * both

    at = [optimize.brentq(lambda t: slower(t) - tail, 0, 1000) for tail in (0.1, 0.01)]
    print(f"\t{{{c}, {rho}, {1 + waits / rate:.6f}, {at[0]:.6f}, {at[1]:.6f}}},")

print("queue: closed, exponential service of 1 (connections, servers, mean, p99)")
for n, c in ((1, 1), (8, 1), (8, 3)):
    # Before his own service: n-c+... departures at rate c each.
    ahead = n - c
    if ahead < 1:
        print(f"\t{{{n}, {c}, 1, {stats.expon.ppf(.99):.6f}}},")
        continue
    wait = stats.gamma(ahead, scale=1 / c)
    slower = lambda t: stats.expon.sf(t) + integrate.quad(lambda s: stats.expon.pdf(s) * wait.sf(t - s), 0, t)[0]
    print(f"\t{{{n}, {c}, {ahead / c + 1:.6f}, {optimize.brentq(lambda t: slower(t) - .01, 0, 1000):.6f}}},")


print("signed rank, exact with ties and zeros")


def signed_rank(v):
    """Two-sided p over all assignments of signs to the mid-ranks."""
    v = np.array([x for x in v if x != 0.0])
    if len(v) == 0:
        return 1.0
    r = stats.rankdata(abs(v))
    null = stats.permutation_test((v,), lambda x: np.sum(r * (x > 0)), permutation_type="samples", n_resamples=np.inf, vectorized=False).null_distribution
    w = np.sum(r * (v > 0))
    return min(1, 2 * min((null <= w + 1e-9).mean(), (null >= w - 1e-9).mean()))


for v in ([np.log(2)] * 4, [1, 1, 2, 3, 4], [1] * 6, [1, 2, 2, -1, 3, 4, -2], [0, 0, 1, 2, 2, -1, 3, 4], [0.5, -0.5, 1, 1, 1, 2, 2, 3, -3, 4], [1, 2, 3, 4, 5, 6, 7, -1.5]):
    print(v, signed_rank(v))

print("step-down max-T by signs of whole blocks")


def max_t(m):
    """Adjusted p of comparisons (columns) over blocks (rows), by Student's t."""
    n, k = m.shape
    t = lambda x: abs(x.mean(0) / (x.std(ddof=1, axis=0) / np.sqrt(n)))
    observed = t(m)
    null = np.array([t(m * np.array(s)[:, None]) for s in itertools.product([1, -1], repeat=n)])
    order, adjusted, highest = np.argsort(-observed), np.empty(k), 0
    for i, c in enumerate(order):
        highest = max(highest, (null[:, order[i:]].max(1) >= observed[c] * (1 - 1e-9)).mean())
        adjusted[c] = highest
    return adjusted


print(max_t(np.array([[0.9, 1.1, 0.2], [1.0, 0.7, -0.1], [1.2, 0.9, 0.3], [0.8, -0.2, -0.4], [1.1, 1.3, 0.5], [0.95, 0.4, 0.1], [1.05, 1.2, -0.2]])))
print(max_t(np.array([[1, 2, -1], [2, 1, -2], [1, -1, -1.5], [3, 2, -2.5], [2, 1, -0.5], [1.5, 0.5, -1]])))

print("Kendall's tau-b")
for x, y in (([1, 2, 3, 4], [1, 3, 2, 4]), ([1, 2, 2, 3], [1, 2, 3, 3]), ([12, 2, 1, 12, 2], [1, 4, 7, 1, 0])):
    print(x, y, stats.kendalltau(x, y)[0])

print("ratio of totals, mean of positive values, detectable ratio")
y, x = np.array([100, 220, 80, 410.0]), np.array([1, 2, 1, 4.0])
r = y.sum() / x.sum()
h = stats.t.ppf(0.975, 3) * np.sqrt(4 / 3 * ((y - r * x) ** 2).sum()) / y.sum()
print(r, r * np.exp(-h), r * np.exp(h))
v = np.array([10, 12, 11, 15, 9.0])
h = stats.t.ppf(0.975, 4) * stats.sem(v) / v.mean()
print(v.mean(), v.mean() * np.exp(-h), v.mean() * np.exp(h))
v = np.array([0.3, -0.1, 0.2, 0.4, 0.05, 0.15, 0.3, -0.2])
print(np.exp((stats.t.ppf(0.975, 7) + stats.t.ppf(0.8, 7)) * v.std(ddof=1) / np.sqrt(8)))
