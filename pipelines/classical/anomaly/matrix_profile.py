"""The left matrix profile: how far each window of a stream is from the most similar one before it.

A window that resembles nothing earlier is a discord. Windows are z-normalised, so shape counts and
not level; distances of several columns are averaged. Only earlier windows are compared, those that
do not overlap by more than half, so a score depends on no later reading.

With q(i, j) the product of windows i and j, q(i, j) = q(i-1, j-1) + x_(i+m-1) x_(j+m-1) -
x_(i-1) x_(j-1), and the distance is sqrt(2 m (1 - (q - m mu_i mu_j) / (m s_i s_j))): O(n^2) steps
in all, whatever the length of the windows (Zhu et al. 2016). A window that is constant has no
shape: its distance is 0 from another such, and sqrt(m) from any other.

References: Yeh et al., "Matrix Profile I", ICDM 2016, https://doi.org/10.1109/ICDM.2016.0179;
Zhu et al., "Matrix Profile II", ICDM 2016, https://doi.org/10.1109/ICDM.2016.0085.
"""

import numpy as np

CONSTANT = 1e-8  # standard deviation, relative to the stream's, of a window that is constant


def left_profile(values: np.ndarray, length: int) -> np.ndarray:
    """(n,) distance of the window that ends with each reading; 0 where nothing comes before it.

    Args:
        values: (n, C).
        length: m, readings of a window.
    """
    n, columns = values.shape
    windows, apart = n - length + 1, max(1, length // 2)
    profile = np.zeros(n)
    if windows <= apart:
        return profile
    x = values - values.mean(axis=0)
    view = np.lib.stride_tricks.sliding_window_view(x, length, axis=0)  # (w, C, m)
    mean, std = view.mean(axis=2).T, view.std(axis=2).T  # (C, w)
    constant = std <= CONSTANT * (x.std(axis=0)[:, None] + 1e-12)
    safe = np.where(constant, 1.0, std)
    x = np.ascontiguousarray(x.T)  # (C, n)
    first = np.einsum("cm,wcm->cw", x[:, :length], view)  # q(0, j)
    product = first.copy()
    for i in range(windows):
        if i:
            product[:, 1:] = (
                product[:, :-1]
                + x[:, i + length - 1, None] * x[:, length:]
                - x[:, i - 1, None] * x[:, : windows - 1]
            )
            product[:, 0] = first[:, i]
        earlier = i - apart + 1
        if earlier < 1:
            continue
        q = product[:, :earlier]
        correlation = (q - length * mean[:, i, None] * mean[:, :earlier]) / (
            length * safe[:, i, None] * safe[:, :earlier]
        )
        squared = 2 * length * (1 - np.clip(correlation, -1, 1))
        one, other = constant[:, i, None], constant[:, :earlier]
        squared = np.where(one & other, 0.0, np.where(one | other, float(length), squared))
        profile[i + length - 1] = np.sqrt(squared).mean(axis=0).min()
    return profile
