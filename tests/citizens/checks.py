"""The checks: each raises an error if a subject fails it."""

from __future__ import annotations

import copy
import io
import logging
import pickle
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from safetensors.torch import load, save
from torch import Tensor, fx, nn
from torch.autograd import forward_ad, gradcheck, gradgradcheck
from torch.func import functional_call, grad, hessian, jacfwd, jacrev, jvp, vmap

from .subjects import IMAGE_NETWORKS, SIZES, Subject

Given = dict[str, Tensor]


def close(got: object, expected: object, tolerance: float = 1e-9) -> None:
    torch.testing.assert_close(got, expected, rtol=tolerance, atol=tolerance)


def near(got: Tensor, expected: Tensor) -> None:
    """Equal in float32, compared with the largest value."""
    assert got.shape == expected.shape
    assert float((got - expected).abs().max()) <= 1e-5 * (1 + float(expected.abs().max()))


@contextmanager
def quiet() -> Iterator[None]:
    """Without torch's remarks on itself."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)


def of_x(subject: Subject) -> tuple[Callable[[Tensor], Tensor], Tensor]:
    """The output as a function of the signal, and a signal."""
    program = subject.program()
    for parameter in program.parameters():
        parameter.requires_grad_(False)
    rest = subject.inputs(6, 9) if subject.columns is not None else subject.inputs(2)
    x = rest.pop("x")
    return lambda z: program(x=z, **rest), x


def of_parameters(subject: Subject) -> tuple[Callable[[Given], Tensor], Given]:
    """The output as a function of the parameters, and the parameters."""
    program = subject.program()
    given = subject.inputs(6, 9) if subject.columns is not None else subject.inputs(2)
    held = {name: p.detach() for name, p in program.named_parameters() if p.requires_grad}
    return lambda parameters: functional_call(program, parameters, (), given), held


# --- the compiler and exported programs -------------------------------------------------------


def compiles(subject: Subject) -> None:
    """torch.compile without a break; the third size does not compile again."""
    from torch._dynamo.testing import CompileCounterWithBackend

    torch._dynamo.reset()
    counter = CompileCounterWithBackend("eager")
    module = subject.build()
    compiled = torch.compile(module, backend=counter, fullgraph=True)
    for number, (sites, edges) in enumerate(SIZES):
        given = subject.inputs(sites, edges)
        arguments = tuple(given.values())
        if not subject.peer:
            arguments = (given["x"], subject.domain(given))
        close(compiled(*arguments), module(*arguments))
        if number == 1:
            frames = counter.frame_count
    assert counter.frame_count == frames, "compiled again for a third size"


def compiled_gradients(subject: Subject) -> None:
    """The gradients of a compiled module."""
    torch._dynamo.reset()
    module, given = subject.build().train(False), subject.inputs()
    x = given["x"].requires_grad_()
    arguments = tuple(given.values())
    if not subject.peer:
        arguments = (x, subject.domain(given))
    inputs = [x, *[p for p in module.parameters() if p.requires_grad]]
    compiled = torch.compile(module, backend="aot_eager", fullgraph=True)
    found = [
        torch.autograd.grad(run(*arguments).square().sum(), inputs, allow_unused=True)
        for run in (module, compiled)
    ]
    close(found[1], found[0])


def exported(subject: Subject) -> tuple[torch.export.ExportedProgram, nn.Module]:
    program = subject.program(torch.float32)
    given = subject.inputs(dtype=torch.float32)
    nodes, edges = torch.export.Dim("nodes"), torch.export.Dim("edges")
    free = {"x": {0: nodes}, "edge_index": {1: edges}, "batch": {0: nodes}}
    shapes = {name: free.get(name, {0: edges}) for name in given}
    traced = torch.export.export(program, (), given, dynamic_shapes=shapes, strict=False)
    return traced, program


def exports(subject: Subject) -> None:
    """torch.export with free numbers of nodes, edges and images, on three sizes."""
    with quiet():
        traced, program = exported(subject)
        stream = io.BytesIO()
        torch.export.save(traced, stream)
        stream.seek(0)
        again = torch.export.load(stream).module()
    for sites, edges in SIZES:
        given = subject.inputs(sites, edges, torch.float32)
        near(again(**given).detach(), program(**given).detach())


def onnx(subject: Subject) -> None:
    """ONNX, run by onnxruntime on three sizes."""
    import onnxruntime

    with quiet():
        traced, program = exported(subject)
        written = torch.onnx.export(traced, dynamo=True, verbose=False)
    stream = io.BytesIO()
    written.save(stream)
    session = onnxruntime.InferenceSession(stream.getvalue())
    names = [each.name for each in session.get_inputs()]
    for sites, edges in (*SIZES, (3, 1)):
        given = subject.inputs(sites, edges, torch.float32)
        (got,) = session.run(None, {name: given[name].numpy() for name in names})
        near(torch.from_numpy(got), program(**given).detach())


# --- derivatives and transforms ---------------------------------------------------------------


def jacobians(subject: Subject) -> None:
    """jacrev and jacfwd, and the older functions."""
    f, x = of_x(subject)
    expected = torch.autograd.functional.jacobian(f, x)
    assert float(expected.abs().max()) > 0
    for transform in (jacfwd, jacrev):
        close(transform(f)(x), expected)
    close(torch.autograd.functional.jacobian(f, x, vectorize=True), expected)


def hessians(subject: Subject) -> None:
    """hessian, forward over reverse and reverse over reverse."""
    f, x = of_x(subject)

    def energy(z: Tensor) -> Tensor:
        return f(z).square().sum()

    got = hessian(energy)(x)
    close(got, jacrev(jacrev(energy))(x))
    if not subject.max:  # torch has no second derivative of some maxima
        close(got, torch.autograd.functional.hessian(energy, x))


def forward_mode(subject: Subject) -> None:
    """jvp, and dual numbers."""
    f, x = of_x(subject)
    v = torch.randn_like(x)
    expected = (torch.autograd.functional.jacobian(f, x) * v).flatten(f(x).ndim).sum(-1)
    y, along = jvp(f, (x,), (v,))
    close(along, expected)
    close(y, f(x))
    with forward_ad.dual_level():
        dual = forward_ad.unpack_dual(f(forward_ad.make_dual(x, v)))
    close(dual.tangent, expected)


def many_signals(subject: Subject) -> None:
    """vmap over signals."""
    f, x = of_x(subject)
    many = torch.stack([x, 2 * x, -x])
    close(vmap(f)(many), torch.stack([f(each) for each in many]))


def many_parameters(subject: Subject) -> None:
    """grad, vmap and vmap(grad) over stacked parameters, with functional_call."""
    f, held = of_parameters(subject)
    if not held:
        return
    stacked = {name: torch.stack([p, 2 * p, -p]) for name, p in held.items()}
    each = [{name: p[i] for name, p in stacked.items()} for i in range(3)]
    close(vmap(f)(stacked), torch.stack([f(parameters) for parameters in each]))

    def energy(parameters: Given) -> Tensor:
        return f(parameters).square().sum()

    live = {name: p.clone().requires_grad_() for name, p in held.items()}
    plain = torch.autograd.grad(energy(live), list(live.values()))
    close(grad(energy)(held), dict(zip(live, plain, strict=True)))
    together = vmap(grad(energy))(stacked)
    for number, parameters in enumerate(each):
        close({n: g[number] for n, g in together.items()}, grad(energy)(parameters))


def double_backward(subject: Subject) -> None:
    """gradcheck and gradgradcheck, in the signal and the parameters."""
    program = subject.program()
    rest = subject.inputs(5, 7) if subject.columns is not None else subject.inputs(2)
    x = rest.pop("x").requires_grad_()
    held = {n: p.detach().requires_grad_() for n, p in program.named_parameters()}

    def run(x: Tensor, *values: Tensor) -> Tensor:
        named = dict(zip(held, values, strict=True))
        return functional_call(program, named, (), {"x": x, **rest})

    inputs = (x, *held.values())
    assert gradcheck(run, inputs, fast_mode=True)
    if not subject.max:
        assert gradgradcheck(run, inputs, fast_mode=True)


# --- copies, optimizers, precision --------------------------------------------------------------


def copies(subject: Subject) -> None:
    """pickle, deepcopy and safetensors."""
    module = subject.build()
    given = subject.inputs()
    wrap = type(subject.program())
    expected = wrap(module)(**given)
    again = subject.make().to(expected.dtype).eval()
    again.load_state_dict(load(save(module.state_dict())))
    for other in (again, copy.deepcopy(module), pickle.loads(pickle.dumps(module))):
        close(wrap(other)(**given), expected)
        assert repr(other) == repr(module)


def flat_optimizers(subject: Subject) -> None:
    """LBFGS, which flattens parameters and gradients."""
    program, given = subject.program(), subject.inputs()
    parameters = list(program.parameters())
    if not parameters:
        return
    assert all(p.is_contiguous() for p in parameters)
    optimizer = torch.optim.LBFGS(parameters, lr=0.01, max_iter=3)
    goal = torch.randn_like(program(**given))
    losses = []

    def closure() -> Tensor:
        optimizer.zero_grad()
        loss = (program(**given) - goal).square().mean()
        loss.backward()
        losses.append(loss.item())
        return loss

    optimizer.step(closure)
    assert losses[-1] < losses[0]


def quantized(subject: Subject) -> None:
    """quantize_dynamic of the linear layers."""
    module, given = subject.build(torch.float32), subject.inputs(dtype=torch.float32)
    wrap = type(subject.program())
    with quiet():
        small = torch.ao.quantization.quantize_dynamic(module, {nn.Linear}, dtype=torch.qint8)
        got = wrap(small)(**given)
    expected = wrap(module)(**given)
    assert (got - expected).abs().max() <= 0.06 * expected.abs().max()


def traced(subject: Subject) -> None:
    """fx.symbolic_trace, of the module as it is."""
    module = subject.build()
    program = fx.symbolic_trace(module)
    for count in (2, 5):
        x = subject.inputs(count)["x"]
        close(program(x), module(x))


def precisions(subject: Subject) -> None:
    """float32, float64, bfloat16, float16 and bfloat16 by autocast, forward and backward."""
    exact = subject.program(torch.float64)(**subject.inputs(dtype=torch.float64)).detach()
    scale = float(exact.abs().max())
    for dtype, tolerance in (
        (torch.float32, 1e-4),
        (torch.bfloat16, 0.1),
        (torch.float16, 0.02),
        ("autocast", 0.1),
    ):
        own = torch.float32 if isinstance(dtype, str) else dtype
        program, given = subject.program(own), subject.inputs(dtype=torch.float64)
        given = {n: v.to(own) if v.is_floating_point() else v for n, v in given.items()}
        x = given["x"].requires_grad_()
        with torch.autocast("cpu", torch.bfloat16, enabled=own is not dtype):
            y = program(**given)
        assert own is not dtype or y.dtype in (own, torch.float32)
        assert float((y.detach().double() - exact).abs().max()) <= tolerance * (1 + scale), dtype
        y.double().mean().backward()
        assert x.grad is not None
        assert bool(x.grad.isfinite().all())


# Those whose cost grows with the square of the number of values.
OF_SMALL = ("jacrev, jacfwd", "hessian", "forward mode", "double backward")
CHECKS: dict[str, Callable[[Subject], None]] = {
    "compile": compiles,
    "compile, gradients": compiled_gradients,
    "export": exports,
    "ONNX": onnx,
    "jacrev, jacfwd": jacobians,
    "hessian": hessians,
    "forward mode": forward_mode,
    "vmap, signals": many_signals,
    "vmap, grad, parameters": many_parameters,
    "double backward": double_backward,
    "pickle, deepcopy, safetensors": copies,
    "LBFGS": flat_optimizers,
    "quantize_dynamic": quantized,
    "precision": precisions,
    "fx": traced,
}


def applies(check: str, subject: Subject) -> bool:
    """Whether a check is meant for a subject."""
    if check == "fx":
        return subject.columns is None
    return check not in OF_SMALL or subject not in IMAGE_NETWORKS
