"""What batch normalisation of two paths, their sum, and batch normalisation of that come to.

With r = (variance + EPSILON)^-1/2 of a path, a = gamma r of the main path and b that of the skip
path, V = a^2 var m + b^2 var s + 2 a b cov(m, s) and R = (V + EPSILON)^-1/2, the result is
A m + B s + C with A = gamma R a, B = gamma R b and C = beta - A mean m - B mean s. The betas of the
paths would be taken off again; they are left out. All numbers here are float64, one a channel.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Real = npt.NDArray[np.float64]
EPSILON = 1e-3  # as Keras has it


@dataclass(frozen=True, eq=False)
class Moments:
    """Of n numbers of each path, main and skip: means, variances and the covariance."""

    n: int
    mean_m: Real
    mean_s: Real
    var_m: Real
    var_s: Real
    cov: Real


def moments_of(sums: Real, n: int) -> Moments:
    """sums [5, c]: of m, s, m m, s s and m s over n numbers."""
    m, s, mm, ss, ms = sums / n
    var_m, var_s = np.maximum(mm - m * m, 0), np.maximum(ss - s * s, 0)
    return Moments(n, m, s, var_m, var_s, ms - m * s)


@dataclass(frozen=True, eq=False)
class Joined:
    """gammas: of the main path, the skip path and the sum; beta: of the sum."""

    moments: Moments
    gammas: tuple[Real, Real, Real]
    beta: Real

    @property
    def roots(self) -> tuple[Real, Real]:
        """r of both paths."""
        m, s = self.moments.var_m, self.moments.var_s
        return (m + EPSILON) ** -0.5, (s + EPSILON) ** -0.5

    @property
    def slopes(self) -> tuple[Real, Real]:
        """a and b."""
        (g_m, g_s, _), (r_m, r_s) = self.gammas, self.roots
        return g_m * r_m, g_s * r_s

    @property
    def variance(self) -> Real:
        """V, of the sum."""
        (a, b), at = self.slopes, self.moments
        found: Real = a * a * at.var_m + b * b * at.var_s + 2 * a * b * at.cov
        return found

    def factors(self) -> Real:
        """A, B and C, [3, c]."""
        (a, b), scale = self.slopes, self.gammas[2] * (self.variance + EPSILON) ** -0.5
        main, skip = scale * a, scale * b
        at = self.moments
        return np.stack([main, skip, self.beta - main * at.mean_m - skip * at.mean_s])

    def gradients(self, sums: Real) -> tuple[Real, Real]:
        """From the sums [3, c] of d m, d s and d, with d the gradient of the result: the factors
        [7, c] of `blend_kernels.give_back`, and the gradients [4, c] of gammas and beta."""
        at, (a, b), (r_m, r_s) = self.moments, self.slopes, self.roots
        g_m, g_s, g = self.gammas
        root = (self.variance + EPSILON) ** -0.5
        main, skip, _ = self.factors()
        by_main, by_skip = sums[0] - at.mean_m * sums[2], sums[1] - at.mean_s * sums[2]
        along = a * by_main + b * by_skip
        of_variance = -0.5 * g * along * root**3
        of_a = g * root * by_main + of_variance * 2 * (a * at.var_m + b * at.cov)
        of_b = g * root * by_skip + of_variance * 2 * (b * at.var_s + a * at.cov)
        q = 2 / at.n * (of_variance * a * a - 0.5 * of_a * g_m * r_m**3)
        u = 2 / at.n * (of_variance * b * b - 0.5 * of_b * g_s * r_s**3)
        r = 2 / at.n * of_variance * a * b
        p = -main * sums[2] / at.n - q * at.mean_m - r * at.mean_s
        t = -skip * sums[2] / at.n - u * at.mean_s - r * at.mean_m
        found = np.stack([of_a * r_m, of_b * r_s, root * along, sums[2]])
        return np.stack([main, p, q, r, skip, t, u]), found
