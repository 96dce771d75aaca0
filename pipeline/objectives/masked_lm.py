"""The masked words and next sentences of a BERT."""

from __future__ import annotations

import pathlib

from data_prep import features as records
from models import BertConfig, BertPretrainer, losses
from pipeline.data.batch_shape import BatchShape
from pipeline.objectives.objective import refuse_other_family
from pipeline.recipes.loader import Recipe
from pipeline.recipes.train_section import TrainConfig
from pipeline.run.watching.model_flops import training_flops

SIZES = "bert_config.json"


class MaskedLM:
    """See `Objective`."""

    family = "BERT"
    losses = losses
    judged_by = "masked_lm_loss"

    def config(self, recipe: Recipe, manifest: records.Manifest) -> BertConfig:
        """Returns the architecture that a recipe names."""
        overrides = recipe.model.overrides(recipe.prepare.max_seq_length)
        return BertConfig.named(recipe.model.size, vocab_size=recipe.vocab.vocab_size, **overrides)

    def config_of_run(self, run: pathlib.Path) -> BertConfig:
        """Reads the sizes that `begin_folder` wrote."""
        if not (run / SIZES).is_file():
            raise refuse_other_family(run, expected="BERT", received="T5")
        return BertConfig.load(run / SIZES)

    def model(self, config: BertConfig, train: TrainConfig) -> BertPretrainer:
        """Makes the encoder and its two heads."""
        return BertPretrainer(config, train.recompute)

    def training_flops(self, config: BertConfig, shape: BatchShape) -> int:
        """Returns the operations of a step."""
        return training_flops(
            config,
            batch=shape.rows,
            seq_len=shape.seq_len,
            num_predictions=shape.num_predictions,
        )

    def begin_folder(self, run: pathlib.Path, config: BertConfig) -> None:
        """Writes the sizes; checkpoints and these are what fine-tuning reads."""
        config.save(run / SIZES)

    def finish_folder(self, run: pathlib.Path, model: BertPretrainer) -> None:
        """Writes nothing."""
