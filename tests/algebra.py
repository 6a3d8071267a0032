"""Operators and layers written out as matrices, for the contracts."""

import pytest
import torch


def assert_operator_laws(S):
    """An operator is its dense form: applied, applied to more axes, transposed."""
    dense = S.to_dense()
    rows, cols = S.shape
    assert dense.shape == (rows, cols)
    x = torch.randn(cols, 3, 2, dtype=dense.dtype, device=dense.device)
    torch.testing.assert_close(S @ x[:, :, 0], dense @ x[:, :, 0])
    torch.testing.assert_close(S @ x, torch.einsum("mn,nab->mab", dense, x))
    torch.testing.assert_close(S.T.to_dense(), dense.T)
    torch.testing.assert_close(S.T.T.to_dense(), dense)
    assert f"shape={S.shape}" in repr(S)
    assert dense.dtype is S.dtype
    places = torch.zeros(S.shape, dtype=torch.bool)
    places[S.pattern.row.long(), S.pattern.col.long()] = True
    assert not (dense.detach()[~places] != 0).any()
    with pytest.raises(ValueError, match=f"'x' must have {cols} sites along its first axis"):
        S @ x.new_zeros(cols + 1, 2)


def dense_sum(layer, signal, operators, domain=None):
    """Σ S_k X W_k + b with the S_k written out; `signal` has the sites first."""
    assert len(layer.taps()) <= len(operators)
    terms = [
        torch.einsum("mn,n...d->m...d", S.to_dense(), value)
        for S, value in zip(operators, layer.values(signal, domain), strict=True)
    ]
    y = torch.stack(terms).sum(0)
    return y if layer.bias is None else y + layer.bias


def kron_sum(operators, taps):
    """Σ kron(S_k, W_kᵀ): the whole layer as one matrix, sites before channels, row by row."""
    pairs = zip(operators, taps, strict=True)
    return torch.stack([torch.kron(S.to_dense(), W.T.contiguous()) for S, W in pairs]).sum(0)


def scramble(layer):
    """Parameters that are nothing special: also biases are not 0."""
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.copy_(torch.randn_like(parameter) / 2)
    return layer
