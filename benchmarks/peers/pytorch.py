"""The same training in PyTorch, eagerly: batches by a random permutation, Adam, a loop.

Batches are indexed out of tensors, as a DataLoader that collates row by row would be slower.
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
    clock = Clock(case, len(given.train[given.spec.target.name]))
    network = torch_models.build(given.spec, experiment)
    train, val = (tensors(given, part) for part in (given.train, given.val))
    loss = LOSSES[experiment["task"]](given.spec)
    fit(network, loss, train, val, experiment["fit"], clock)
    return clock.result(trainable(network))


def tensors(given: data.Data, part: dict) -> tuple[dict, torch.Tensor]:
    inputs = {name: torch.from_numpy(column) for name, column in given.inputs(part).items()}
    target = torch.from_numpy(part[given.spec.target.name])
    return inputs, target if target.is_floating_point() else target.long()


def fit(network, loss, train, val, settings: dict, clock: Clock) -> None:
    size, rows = settings["batch_size"], clock.rows
    optimizer = torch.optim.Adam(network.parameters(), lr=settings["learning_rate"])
    for _ in range(settings["epochs"]):
        clock.training()
        network.train()
        for batch in torch.randperm(rows).split(size):
            inputs, targets = rows_of(train, batch)
            optimizer.zero_grad()
            loss(network(inputs), targets).backward()
            optimizer.step()
        clock.validating()
        clock.ended(accuracy(network, val, size))
        if clock.enough:
            return


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
    "forecasting": scaled_squares,
}


def trainable(network) -> int:
    return sum(weight.numel() for weight in network.parameters() if weight.requires_grad)


if __name__ == "__main__":
    data.answer(run)
