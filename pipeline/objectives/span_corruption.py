"""The replaced spans of a T5: its decoder writes what the sentinels of the input stand for."""

from __future__ import annotations

import pathlib

from data_prep import features as records
from data_prep import storage
from models.t5 import T5, T5Config, losses
from pipeline.data.batch_shape import BatchShape
from pipeline.objectives.objective import refuse_other_family
from pipeline.recipes import loader
from pipeline.recipes.train_section import TrainConfig
from pipeline.run.watching.model_flops import t5_training_flops
from pipeline.weights.json_file import read_json
from pipeline.weights.t5.folder import CONFIG, save_t5


class SpanCorruption:
    """See `Objective`."""

    family = "T5"
    losses = losses
    judged_by = "target_loss"

    def config(self, recipe: loader.Recipe, manifest: records.Manifest) -> T5Config:
        """Returns the architecture that a recipe names, with a vector for every sentinel."""
        vocab_size = manifest.vocab["size"] + manifest.statistics["num_sentinels"]
        return T5Config.named(
            recipe.model.size, vocab_size=vocab_size, **recipe.model.t5_overrides()
        )

    def config_of_run(self, run: pathlib.Path) -> T5Config:
        """Finds the sizes as the run did, from its recipe and the manifest of its records."""
        recipe = loader.load_recipe(str(run / "recipe.yaml"))
        if not recipe.prepare.replaces_spans:
            raise refuse_other_family(run, expected="T5", received="BERT")
        return self.config(recipe, records.Manifest(**read_json(run / "run.json")["data_manifest"]))

    def model(self, config: T5Config, train: TrainConfig) -> T5:
        """Makes the model."""
        return T5(config, name="t5")

    def training_flops(self, config: T5Config, shape: BatchShape) -> int:
        """Returns the operations of a step."""
        return t5_training_flops(
            config, batch=shape.rows, seq_len=shape.seq_len, target_len=shape.num_predictions
        )

    def begin_folder(self, run: pathlib.Path, config: T5Config) -> None:
        """Takes the model of a run that is lengthened away: it is not finished any more."""
        storage.remove(str(run / CONFIG), missing_ok=True)

    def finish_folder(self, run: pathlib.Path, model: T5) -> None:
        """Makes the run folder one of a T5, as `mnemosyne prompt` and transformers read it."""
        save_t5(run, model)
