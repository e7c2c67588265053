"""One process of a training, started by torchrun with the request file of `launch`."""

import logging
import os
import sys

from ssn3d.core.device import current_gpu, use_threads
from ssn3d.core.log import job, logger
from ssn3d.io.files import read_json
from ssn3d.segmentation.settings import TrainingSettings
from ssn3d.segmentation.training.distributed import LostContactError, joined
from ssn3d.segmentation.training.steps import train_run

LOST_CONTACT = 75
"""Exit status of a process that waits for another in vain; the launcher logs why."""


def main() -> None:
    """Train together with the other processes."""
    request = read_json(sys.argv[1], "arguments", "log", "threads", "gpus")
    arguments = request["arguments"]
    settings = TrainingSettings.model_validate(arguments.pop("settings"))
    with job(request["log"], of_another=True):
        if os.environ["RANK"] != "0":
            logger.setLevel(logging.ERROR)  # the first process logs for all
        use_threads(request["threads"])
        try:
            with (
                current_gpu(request["gpus"], int(os.environ["LOCAL_RANK"])),
                joined(settings.device) as ranks,
            ):
                train_run(**arguments, settings=settings, ranks=ranks)
        except LostContactError:
            sys.exit(LOST_CONTACT)


if __name__ == "__main__":
    main()
