"""A training step of ResNet-50, batch 8, 224 px. Arguments: pydl, torch or keras.

Prints the growth of the peak resident set in MB over a process with the data only, and
what the first step takes more than the second, in seconds: tracing, planning, binding.
"""

import resource
import sys
import time

from benchmarks.conv_cases import NETS

NET = NETS["resnet50-8"]
library = sys.argv[1]
x, y = (array[: NET.batch] for array in NET.data())


def peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


before = peak_mb()
if library == "torch":
    import torch

    sys.path.insert(0, "benchmarks/workers")
    from torch_networks import BUILDS

    last = torch.channels_last
    images = torch.from_numpy(x).permute(0, 3, 1, 2).contiguous(memory_format=last)
    labels = torch.from_numpy(y)
    model = BUILDS[NET.name](NET).to(memory_format=last)
    optimizer = torch.optim.SGD(model.parameters(), 0.01, momentum=0.9, fused=True)
    if "--compile" in sys.argv:
        model.compile()

    def step() -> None:
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(model(images), labels).backward()
        optimizer.step()

else:
    if library == "pydl":
        import pydl as package
    else:
        import keras as package
    from benchmarks.networks import build

    net_model = build(package, NET.name)

    def step() -> None:
        net_model.fit(x, y, batch_size=NET.batch, verbose=0)


seconds = []
for _ in range(3):
    start = time.perf_counter()
    step()
    seconds.append(time.perf_counter() - start)
print(peak_mb() - before, seconds[0] - min(seconds))
