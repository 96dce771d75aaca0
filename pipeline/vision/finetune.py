"""Fine-tunes a vision transformer: images and weights to a model, its scores and a report.

Called again, it goes on after the last finished epoch, or says that all is done.
"""

from __future__ import annotations

import dataclasses
import sys
import time

import tf_keras as keras

from data_prep import storage
from data_prep.images.class_files import refuse_output_among_images
from pipeline.optimizers.base import evaluation_weights
from pipeline.run.checkpoints import TrainingCheckpoint
from pipeline.vision import report, results
from pipeline.vision.augmentation import default_augmentation
from pipeline.vision.images.image_set import ImageSet
from pipeline.vision.images.sources import DIGITS, read_images
from pipeline.vision.linear_probe import LinearProbe
from pipeline.vision.run_folder import VisionFolder
from pipeline.vision.settings import (
    DEFAULT_LAYER_DECAY,
    DEFAULT_SIZE,
    LAYER_DECAY,
    NONE,
    PROBE,
    VisionSettings,
)
from pipeline.vision.starting_point import StartingPoint, read_starting_point
from pipeline.vision.training import Trainer, heldout_figures
from pipeline.vision.weights.vit_folder import save_vit_folder
from pipeline.vision.whole_model import WholeModel


def finetune(settings: VisionSettings, *, images: str, weights: str | None, output: str) -> int:
    """Fine-tunes and judges; returns 0, or 1 when training diverged.

    Args:
      settings: see `VisionSettings`.
      images: "digits", or a folder of class folders or IDX files.
      weights: a file or a folder, see `read_weights`; None for random ones.
      output: folder of the run; one that was begun with the same settings goes on.

    Raises:
      FileNotFoundError: images or weights are not there.
      ValueError: they cannot be used, a setting does not fit to them, or the folder holds another
        run.
    """
    if images != DIGITS:
        refuse_output_among_images(images, output)
    start = read_starting_point(weights, settings)
    data = read_images(
        images,
        resolution=start.resolution,
        heldout_fraction=settings.heldout_fraction,
        max_pixels=settings.max_pixels,
        max_train=settings.max_train_images,
        max_heldout=settings.max_heldout_images,
        seed=settings.seed,
    )
    settings = complete(settings, start, data)
    header = _header(settings, start, data)
    folder = VisionFolder(output, header)
    if outcome := folder.finished():
        print(outcome["last_line"])
        return 0
    folder.begin(data.rejects)
    _announce(start, data)
    model = start.build(len(data.classes), settings)
    if settings.mode == PROBE:
        task = LinearProbe(model, data, start, settings, folder.features)
    else:
        task = WholeModel(model, data, start, settings)
    trainer = Trainer(
        task.trained,
        settings,
        len(data.train),
        task.factors,
        fine_tuning=start.weights is not None and settings.mode != PROBE,
    )
    try:
        epochs = _train(task, trainer, folder, data)
    except FloatingPointError as error:
        print(f"mnemosyne vit: {error}", file=sys.stderr)
        return 1
    trainer.optimizer.finalize_variable_values(task.trained.trainable_variables)
    task.finish()
    logits = task.heldout_logits()
    outcome = results.make_results(
        header=header,
        data=data,
        origin=start.origin,
        parameters={"all": _weights_of(model), "trained": _weights_of(task.trained)},
        epochs=epochs,
        logits=logits,
    )
    save_vit_folder(
        folder.path / "model",
        model,
        normalisation=start.normalisation,
        labels=data.classes,
        resolution=start.resolution,
        origin=f"{start.origin}, fine-tuned on {data.name}",
        metrics={"accuracy": outcome["accuracy"]},
    )
    last_line = results.last_line(outcome, str(folder.path / "report.html"))
    folder.write("predictions.tsv", results.predictions_tsv(data, logits))
    folder.write("results.json", results.as_json(outcome))
    folder.write("results.md", results.markdown(outcome))
    folder.write("report.html", report.render(outcome, data, logits))
    folder.complete({"accuracy": outcome["accuracy"], "last_line": last_line})
    print(results.markdown(outcome))
    print(last_line)
    return 0


def complete(settings: VisionSettings, start: StartingPoint, data: ImageSet) -> VisionSettings:
    """Returns the settings with what depends on weights and images filled in."""
    augmentation = settings.augmentation or (
        NONE if settings.mode == PROBE else default_augmentation(mirrored=data.mirrored)
    )
    return dataclasses.replace(
        settings,
        resolution=start.resolution,
        augmentation=augmentation,
        batch_size=min(settings.batch_size, len(data.train)),
        size=None if start.weights else settings.size or DEFAULT_SIZE,
        layer_decay=settings.layer_decay
        or (DEFAULT_LAYER_DECAY if settings.mode == LAYER_DECAY else None),
        **data.settings,
    )


def _header(settings: VisionSettings, start: StartingPoint, data: ImageSet) -> dict:
    return {
        "settings": dataclasses.asdict(settings),
        "images": data.name,
        "images_sha256": data.sha256(),
        "weights_sha256": start.sha256(),
    }


def _announce(start: StartingPoint, data: ImageSet) -> None:
    side = start.resolution
    tokens = start.config.num_tokens(side, side)
    print(
        f"{data.name}: {len(data.train):,} images to train on and {len(data.heldout):,} to judge "
        f"by, {len(data.classes)} classes",
        f"{start.origin}: {side} x {side} pixels, {tokens:,} tokens an image",
        *start.notes,
        sep="\n",
        flush=True,
    )
    if data.rejects:
        first = data.rejects[0]
        print(
            f"WARNING {len(data.rejects):,} files left out, the first "
            f"{storage.printable(first.file)}: {first.reason} ({first.detail}); all are in "
            "rejects.jsonl",
            flush=True,
        )
    held = data.train.images.shape[1]
    if data.train.is_on_disk and held < side:
        print(
            f"WARNING records of {held} pixels are enlarged to {side}: prepare them with a larger "
            "--side, or lower --resolution",
            flush=True,
        )


def _train(
    task: LinearProbe | WholeModel, trainer: Trainer, folder: VisionFolder, data: ImageSet
) -> list[dict]:
    """Trains the epochs that are left; returns the rows of all."""
    checkpoint = TrainingCheckpoint(
        folder.checkpoints,
        model=task.trained,
        optimizer=trainer.optimizer,
        step=trainer.step,
        keep=1,
        every_steps=trainer.steps_per_epoch,
    )
    if checkpoint.restore():
        print(f"goes on after epoch {trainer.epochs_done}", flush=True)
    rows = folder.epochs(trainer.epochs_done)
    while trainer.epochs_done < trainer.settings.num_train_epochs:
        began = time.monotonic()
        epoch = trainer.epochs_done
        figures = trainer.train_epoch(task.batches(epoch))
        with evaluation_weights(trainer.optimizer, task.trained.trainable_variables):
            figures |= heldout_figures(task.heldout_logits(), data.heldout.labels)
        seconds = time.monotonic() - began
        checkpoint.seconds.assign_add(seconds)
        rows.append({"epoch": epoch + 1, **figures, "seconds": seconds})
        # The row first: `epochs` drops one that no checkpoint followed.
        folder.write_epochs(rows)
        checkpoint.save()
        print(
            f"epoch {epoch + 1}: held-out loss {figures['heldout_loss']:.4f}, accuracy "
            f"{figures['heldout_accuracy']:.2%}; {figures['waiting']:.1%} of the training was "
            "waiting for images",
            flush=True,
        )
    return rows


def _weights_of(model: keras.Model) -> int:
    return sum(variable.shape.num_elements() for variable in model.trainable_variables)
