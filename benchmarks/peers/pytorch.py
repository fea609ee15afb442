"""The same training in PyTorch: random batches, or windows of streams; Adam, a loop.

Batches are indexed out of tensors, as a DataLoader that collates row by row would be slower. How
PyTorch computes it is chosen by `torch` of the case: eagerly, or `compiled`; see torch_text.py for
`packed`.
"""

import torch
from torch.nn import functional

from benchmarks.peers import data, torch_models
from benchmarks.peers.clock import Clock


def run(work: dict) -> dict:
    torch.set_num_threads(work["threads"])
    torch.manual_seed(work["seed"])
    case, given = work["case"], data.load(work["case"])
    experiment = case["experiment"]
    choices = dict(case.get("torch", {}))
    clock = Clock(case, given.examples)
    compiled = choices.pop("compiled", False)
    network = torch_models.build(given.spec, experiment, **choices)
    settings = experiment["fit"]
    train, val = (tensors(given, part, settings) for part in (given.train, given.val))
    loss = LOSSES[experiment["task"]](given.spec)
    if compiled:
        network.compile()
    fit(network, loss, train, val, settings, clock)
    return clock.result(trainable(network))


def tensors(given: data.Data, part: dict, settings: dict) -> tuple[dict, torch.Tensor]:
    if "bptt_steps" in settings:
        name = given.spec.target.name
        ids, targets = data.streams(part[name], settings["batch_size"], settings["bptt_steps"])
        return {name: torch.from_numpy(ids)}, torch.from_numpy(targets).long()
    inputs = {name: torch.from_numpy(column) for name, column in given.inputs(part).items()}
    target = torch.from_numpy(part[given.spec.target.name])
    return inputs, target if target.is_floating_point() else target.long()


def fit(network, loss, train, val, settings: dict, clock: Clock) -> None:
    size, steps = settings["batch_size"], settings.get("bptt_steps")
    optimizer = torch.optim.Adam(network.parameters(), lr=settings["learning_rate"])
    for _ in range(settings["epochs"]):
        clock.training()
        network.train()
        for inputs, targets in windows(network, train, steps) if steps else shuffled(train, size):
            optimizer.zero_grad()
            loss(network(inputs), targets).backward()
            optimizer.step()
        clock.validating()
        clock.ended(accuracy(network, val, size))
        if clock.enough:
            return


def shuffled(part, size: int):
    for rows in torch.randperm(len(part[1])).split(size):
        yield rows_of(part, rows)


def windows(network, part, steps: int):
    """Of all streams side by side, in their order; the network carries its states along."""
    network.reset()
    inputs, targets = part
    for begin in range(0, targets.shape[1], steps):
        window = slice(begin, begin + steps)
        yield {name: column[:, window] for name, column in inputs.items()}, targets[:, window]


def rows_of(part, rows) -> tuple[dict, torch.Tensor]:
    inputs, targets = part
    return {name: column[rows] for name, column in inputs.items()}, targets[rows]


@torch.inference_mode()
def accuracy(network, val, size: int) -> float | None:
    """The accuracy of rows; None for targets that are not classes."""
    network.eval()
    inputs, targets = val
    if targets.ndim > 1:
        return None
    right = 0
    for batch in torch.arange(len(targets)).split(size):
        batch_inputs, batch_targets = rows_of((inputs, targets), batch)
        right += int((network(batch_inputs).argmax(1) == batch_targets).sum())
    return right / len(targets)


def classes(spec):
    return functional.cross_entropy


def next_words(spec):
    """Over real sub-words; 0 is padding."""
    return lambda logits, targets: functional.cross_entropy(
        logits.flatten(0, 1), targets.flatten(), ignore_index=0
    )


def scaled_squares(spec):
    std = torch.tensor(spec.task_metadata["std"])
    return lambda forecasts, targets: functional.mse_loss(forecasts / std, targets / std)


LOSSES = {
    "image_classification": classes,
    "text_classification": classes,
    "translation": next_words,
    "language_modeling": next_words,
    "forecasting": scaled_squares,
}


def trainable(network) -> int:
    return sum(weight.numel() for weight in network.parameters() if weight.requires_grad)


if __name__ == "__main__":
    data.answer(run)
