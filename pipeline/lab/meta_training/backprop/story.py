"""The story of a fully learned optimizer: imitation, then truncated back-propagation."""

from __future__ import annotations

import dataclasses
import sys
import time

import numpy as np
import tqdm

from pipeline.lab.meta_training.backprop.curriculum import Stage, meta_rate, stages
from pipeline.lab.meta_training.backprop.full_unrolls import FullUnrolls
from pipeline.lab.meta_training.backprop.fully_learned import fully_learned
from pipeline.lab.meta_training.backprop.meta_adam import MetaAdam, norm
from pipeline.lab.meta_training.backprop.settings import LearnedRecipe
from pipeline.lab.meta_training.backprop.truncated_tasks import TruncatedTasks
from pipeline.lab.meta_training.meta_folder import MetaFolder
from pipeline.lab.meta_training.tasks.task_data import load_tasks
from pipeline.run.watching.tensorboard import ScalarWriter


@dataclasses.dataclass(frozen=True)
class Best:
    """The set with the lowest mean score on full unrolls so far; where equal, the newest."""

    values: dict[str, np.ndarray]
    score: float = float("inf")
    meta_step: int = 0


class LearnedTraining:
    """One meta-training by gradients.

    Args:
        recipe: settings.
        output: its folder.
        text, fashion_mnist: data of the user, see `load_tasks`.

    Raises:
        ValueError, FileNotFoundError: recipe, folder and data do not fit.
    """

    def __init__(
        self,
        recipe: LearnedRecipe,
        *,
        output: str,
        text: str | None = None,
        fashion_mnist: str | None = None,
    ):
        self._recipe = recipe
        self._optimizer = fully_learned(recipe.optimizer, recipe.seed)
        self._folder = MetaFolder(output, recipe)
        tasks = load_tasks(recipe, text=text, fashion_mnist=fashion_mnist, folder=output)
        self._full_unrolls = FullUnrolls(tasks, self._optimizer, recipe.seed)
        self._truncated = TruncatedTasks(tasks, self._optimizer, recipe)
        self._stages = stages(recipe)

    def run(self) -> dict:
        """Does what is left to do and returns the final figures."""
        if (figures := self._folder.completed()) is not None:
            _say("already complete")
            return figures
        start = {name: self._optimizer.params.values[name] for name in self._optimizer.varied}
        _say(
            f"{self._recipe.optimizer}, {sum(each.size for each in start.values()):,} numbers, "
            f"{self._recipe.imitation_steps} + {self._recipe.meta_steps} meta-steps"
        )
        self._full_unrolls.sweep(self._folder, self._recipe.sweep_seeds, say=_say)
        best = self._train(MetaAdam.start(start), Best(start))
        params = self._params(best)
        figures = self._full_unrolls.compare(best.values, self._recipe.final_seeds)
        figures |= {"kept_meta_step": best.meta_step, "fingerprint": params.fingerprint()}
        self._folder.complete(params, figures)
        return figures

    def _train(self, adam: MetaAdam, best: Best) -> Best:
        """All meta-steps that are left."""
        if (saved := self._folder.state()) is not None:
            adam, best = self._restore(saved)
        self._folder.forget_after(adam.meta_step)
        scalars = ScalarWriter(self._folder.path / "tensorboard")
        with tqdm.tqdm(
            total=self._stages[-1].end,
            initial=adam.meta_step,
            unit="meta-step",
            desc="meta-train",
            # A log file gets a line every half minute, a terminal a live bar.
            mininterval=0.5 if sys.stderr.isatty() else 30,
            dynamic_ncols=True,
        ) as bar:
            for stage in self._stages:
                while stage.first <= adam.meta_step < stage.end:
                    adam, best, row = self._meta_step(stage, adam, best)
                    is_kept = adam.meta_step % self._recipe.checkpoint_every == 0
                    self._folder.save_meta_step(row, self._state(adam, best) if is_kept else None)
                    if is_kept:
                        self._folder.save_checkpoint(self._params(best), adam.meta_step)
                    scalars.write(_shown(row), adam.meta_step)
                    bar.set_description(f"meta-train, {stage.name}", refresh=False)
                    bar.set_postfix_str(
                        f"meta-loss {row['meta_loss']:.3f}, best score {best.score:+.3f}, "
                        f"{row['inner_steps_per_second']:.0f} inner steps/s",
                        refresh=False,
                    )
                    bar.update()
        return best

    def _meta_step(self, stage: Stage, adam: MetaAdam, best: Best) -> tuple[MetaAdam, Best, dict]:
        """One step of Adam, an evaluation where it is time, and what the log keeps of both."""
        recipe, started = self._recipe, time.perf_counter()
        losses, gradients, num_exploded = self._truncated.meta_gradients(
            stage, adam.meta_step, adam.values
        )
        rate = meta_rate(recipe, adam.meta_step)
        adam = adam.next(gradients, rate)
        seconds = time.perf_counter() - started
        row = {
            "meta_step": adam.meta_step,
            "stage": stage.name,
            "meta_loss": float(np.mean(list(losses.values()))),
            "losses": losses,
            "exploded_runs": num_exploded,
            "gradient_norm": norm(gradients),
            "meta_rate": rate,
            "seconds": round(seconds, 3),
            "inner_steps_per_second": round(self._truncated.inner_steps / seconds, 1),
        }
        is_last = adam.meta_step == stage.end
        # Imitation is scored only at its end: no earlier set is ever restored.
        if is_last or (not stage.is_imitation and adam.meta_step % recipe.evaluate_every == 0):
            scores = self._full_unrolls.scores(adam.values)
            mean = float(np.mean(list(scores.values())))
            row |= {"score": mean, "scores": scores}
            if mean <= best.score:
                best = Best(dict(adam.values), mean, adam.meta_step)
        if is_last:  # Longer runs start from the best set, not from the last.
            adam = dataclasses.replace(adam, values=best.values)
        return adam, best, row

    def _params(self, best: Best):
        params = self._optimizer.params
        return type(params)(params.structure, {**params.values, **best.values})

    def _state(self, adam: MetaAdam, best: Best) -> dict[str, np.ndarray]:
        """All that the next meta-step depends on."""
        state = {"meta_step": adam.meta_step, "best_step": best.meta_step, "score": best.score}
        groups = {
            "values": adam.values,
            "momentum": adam.momentum,
            "second_moment": adam.second_moment,
            "best": best.values,
            "runs": self._truncated.state(),
        }
        for group, arrays in groups.items():
            state |= {f"{group}:{name}": array for name, array in arrays.items()}
        return state

    def _restore(self, saved: dict[str, np.ndarray]) -> tuple[MetaAdam, Best]:
        def group(name: str) -> dict[str, np.ndarray]:
            prefix = f"{name}:"
            return {
                key.removeprefix(prefix): value
                for key, value in saved.items()
                if key.startswith(prefix)
            }

        self._truncated.restore(group("runs"), self._stages, int(saved["meta_step"]))
        adam = MetaAdam(
            *(group(name) for name in ("values", "momentum", "second_moment")),
            meta_step=int(saved["meta_step"]),
        )
        return adam, Best(group("best"), float(saved["score"]), int(saved["best_step"]))


def _shown(row: dict) -> dict[str, float]:
    """The scalars of a row, for TensorBoard."""
    names = ("meta_loss", "gradient_norm", "meta_rate", "inner_steps_per_second", "score")
    shown = {name: row[name] for name in names if name in row}
    for group in ("losses", "scores"):
        shown |= {f"{group}/{task}": value for task, value in row.get(group, {}).items()}
    return shown


def _say(text: str) -> None:
    print(f"meta-train: {text}", file=sys.stderr, flush=True)
