"""Results of parallel work: their order, and how much is in hand."""

import pytest
import torch

from ssn3d.core.parallel import parallel_results


def test_results_in_order_and_few_in_hand():
    made = []

    def items():
        for i in range(200):
            made.append(i)
            yield i

    in_hand = []
    for i, result in enumerate(parallel_results(lambda item: 2 * item, items())):
        assert result == 2 * i
        in_hand.append(len(made) - i)
    assert len(in_hand) == len(made)
    assert max(in_hand) <= 5 * torch.get_num_threads() + 1


def test_threads_return_after_an_error():
    before = torch.get_num_threads()
    with pytest.raises(ZeroDivisionError):
        list(parallel_results(lambda item: 1 // item, [1, 0, 1]))
    assert torch.get_num_threads() == before
