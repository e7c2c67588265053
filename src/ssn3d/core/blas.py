"""Matrix products of NumPy and SciPy on one thread.

BLAS splits the sums of a product differently for each number of threads, which changes the last
digits. Its threads also wait busily for one another: on cores that are shared with other work,
small products take several times as long.
"""

from threadpoolctl import ThreadpoolController  # type: ignore[import-untyped]

from ssn3d.core.threads import SharedLimit

one_blas_thread = SharedLimit(
    lambda: ThreadpoolController().limit(limits=1, user_api="blas"),
    lambda limiter: limiter.restore_original_limits(),
).block
"""Context manager and decorator: BLAS uses one thread meanwhile."""
