"""Every threshold that decides, in one place. Frozen on two families by the null audit (METHODS §13, decision 0002).

A change needs a decision record made before the run it decides (docs/architecture.md#changes).
"""

from __future__ import annotations

AUDIT_LOG10_P = -4.0
"""An index audit alarms at this chance of a false alarm, after multiplying by its own looks. Under exchangeability every
audit figure below has a known null, so this is also the share of honest pairs withheld wrongly. Measured: the largest of 66
norm-against-index z on all-MiniLM-L6 and multilingual-e5-small and 90 on SmolLM2-135M layers is 2.6 (level: 4.7); self-decks of
15, 66 and 87 layer pairs match at most 3, 4 and 4 units (level: 8 and more); lags at most 8 pairs of about 2 expected. No
alarm in 4,690 looks at 70 independents of width 64, each look at the level uncorrected (0.5 expected)."""

MISMATCHED_MEAN = 3.0
"""Mean matches of layers that do not belong together, above which the axis carries content (METHODS §9). Chance gives 1; the
real independents above give 0.85 to 1.15."""

GATE_UP_COSINE = 0.6
"""Mean |cos(g_i, u_i)| at which gate and up count as drawn with one key. Training couples them by itself: SmolLM2-135M shows
0.06 to 0.14 in its layers (0.035 out of place), 70 trained independents of width 64 0.25 to 0.40; one key starts at 1."""

ORTHOGONAL_SHARE = 0.2
"""Mean squared cosine of embedding columns, times the number of tokens, below which the columns stand in an SVD or PCA basis.
Independent columns give 1, real ones 67 (MiniLM), 70 (e5, centred) and 261 (SmolLM2); an SVD basis below 1e-6."""

FIRST_CHANNEL_Z = 6.0
"""Robust z of the log norm of channel 0, as the most extreme of all, at which it counts as the sum a Hadamard rotation makes.
An honest model whose one outlier channel happens to be the first alarms too (one in d); it costs one unit."""

HADAMARD_RATIO = 3.0
"""How many times more the channel norms must spread once the Hadamard rotation is undone: 1.1 to 1.9 on 70 trained independents
of width 64, never rotated."""

GAINS_TRAINED = 0.45
"""Mean centred Spearman of gains from which training was shared: 0.72 and 0.77 for true descendants in toys (lowest single norm
0.56), 1.00 for a real fine-tune."""

GAINS_STRANGE = 0.25
"""Mean centred Spearman of gains up to which training was not shared: 0.03 and 0.11 for two models of one seed in toys (single
norms -0.10 to 0.34, as one start gives one basis in which like things are learnt)."""

GRADIENT = 0.15
"""|Spearman| of embedding-row cosine with usage from which the gradient says anything."""

START_RATIO = 0.75
"""Cosine in the fifth of rows that training lengthened most over that in the fifth it lengthened least, by either side's
lengths, below which agreement lives where training hardly went (one seed at 25 to 100 % of training, llama64: 0.52 to 0.67; further
trained, by the candidate's lengths: 1.0 to 1.1; gpt2-64 shows no such fall, decision 0012, addendum)."""
LENGTHS_APART = 1.5
"""Mean length of the longest fifth over that of the shortest from which lengths tell rows apart at all."""
