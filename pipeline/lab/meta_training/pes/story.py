"""The story of a meta-training of levers, from a recipe to a file of meta-parameters."""

from __future__ import annotations

import dataclasses
import sys
import time

import numpy as np
import tqdm

from pipeline.lab.meta_training.backprop.meta_adam import MetaAdam, decaying_rate
from pipeline.lab.meta_training.meta_folder import MetaFolder
from pipeline.lab.meta_training.pes.comparison import Comparison
from pipeline.lab.meta_training.pes.lever_space import LeverSpace
from pipeline.lab.meta_training.pes.particle_tasks import ParticleTasks
from pipeline.lab.meta_training.pes.settings import PesRecipe
from pipeline.lab.meta_training.tasks.rotation import tasks_of
from pipeline.lab.meta_training.tasks.task_data import load_tasks
from pipeline.run.watching.tensorboard import ScalarWriter

_POINT = "point"


@dataclasses.dataclass(frozen=True)
class Progress:
    """Where a meta-training stands.

    Attributes:
        adam: its state; its one value is the point.
        average: of the points of the last meta-steps, `[num_coords]`.
        best: the average with the lowest objective so far.
        best_objective: of it; infinite before the first evaluation.
        best_step: the meta-step that it is of.
    """

    adam: MetaAdam
    average: np.ndarray
    best: np.ndarray
    best_objective: float = float("inf")
    best_step: int = 0


class PesTraining:
    """One meta-training by persistent evolution strategies.

    Args:
        recipe: settings.
        output: its folder.
        text, fashion_mnist: data of the user, see `load_tasks`.

    Raises:
        ValueError, FileNotFoundError: recipe, folder and data do not fit.
    """

    def __init__(
        self,
        recipe: PesRecipe,
        *,
        output: str,
        text: str | None = None,
        fashion_mnist: str | None = None,
    ):
        self._recipe = recipe
        self._space = LeverSpace(recipe)
        self._folder = MetaFolder(output, recipe)
        tasks = load_tasks(recipe, text=text, fashion_mnist=fashion_mnist, folder=output)
        self._particles = ParticleTasks(tasks, self._space, recipe)
        self._comparison = Comparison(tasks, self._space, recipe.seed)

    def run(self) -> dict:
        """Does what is left to do and returns the final figures."""
        if (figures := self._folder.completed()) is not None:
            _say("already complete")
            return figures
        origin = self._space.origin
        _say(
            f"{len(self._recipe.tasks)} tasks, {len(origin):,} numbers ({self._recipe.levers}), "
            f"{self._recipe.meta_steps} meta-steps"
        )
        start = Progress(MetaAdam.start({_POINT: origin}), origin, origin)
        done = self._train(start)
        figures = self._comparison.final(done.best, self._recipe.final_seeds)
        params = self._space.meta_params(done.best)
        figures |= {"kept_meta_step": done.best_step, "fingerprint": params.fingerprint()}
        self._folder.complete(params, figures)
        return figures

    def _train(self, done: Progress) -> Progress:
        """All meta-steps that are left."""
        if (saved := self._folder.state()) is not None:
            done = self._restore(saved)
        self._folder.forget_after(done.adam.meta_step)
        scalars = ScalarWriter(self._folder.path / "tensorboard")
        recipe = self._recipe
        with tqdm.tqdm(
            total=recipe.meta_steps,
            initial=done.adam.meta_step,
            unit="meta-step",
            desc="meta-train",
            # A log file gets a line every half minute, a terminal a live bar.
            mininterval=0.5 if sys.stderr.isatty() else 30,
            dynamic_ncols=True,
        ) as bar:
            while done.adam.meta_step < recipe.meta_steps:
                done, row = self._meta_step(done)
                step = done.adam.meta_step
                is_kept = step % recipe.checkpoint_every == 0 or "regrets" in row
                self._folder.save_meta_step(row, self._state(done) if is_kept else None)
                if "regrets" in row:
                    self._folder.save_checkpoint(self._space.meta_params(done.average), step)
                scalars.write(_shown(row), step)
                bar.set_postfix_str(
                    f"meta-loss {row['meta_loss']:.3f}, best objective {done.best_objective:+.4f}, "
                    f"{row['inner_steps_per_second']:.0f} inner steps/s",
                    refresh=False,
                )
                bar.update()
        return done

    def _meta_step(self, done: Progress) -> tuple[Progress, dict]:
        """One step of Adam, a comparison where it is time, and what the log keeps of both."""
        recipe, started, step = self._recipe, time.perf_counter(), done.adam.meta_step
        chosen = tasks_of(recipe.all_turns(), recipe.tasks_per_step, step, recipe.seed)
        point = done.adam.values[_POINT].astype(np.float64)
        of_tasks = {name: self._particles.meta_gradient(name, point, step) for name in chosen}
        gradient = np.mean([found for _, found, _ in of_tasks.values()], axis=0)
        rate = decaying_rate(step, recipe.meta_steps, recipe.meta_rate, recipe.final_meta_rate)
        adam = done.adam.next({_POINT: gradient}, rate)
        fraction = 1.0 / min(adam.meta_step, recipe.averaged_over)
        average = done.average + fraction * (adam.values[_POINT] - done.average)
        done = dataclasses.replace(done, adam=adam, average=average)
        seconds = time.perf_counter() - started
        row = {
            "meta_step": adam.meta_step,
            "meta_loss": float(np.mean([loss for loss, _, _ in of_tasks.values()])),
            "losses": {name: loss for name, (loss, _, _) in of_tasks.items()},
            "exploded_pairs": sum(exploded for _, _, exploded in of_tasks.values()),
            "gradient_norm": float(np.linalg.norm(gradient)),
            "meta_rate": rate,
            "seconds": round(seconds, 3),
            "inner_steps_per_second": round(len(chosen) * self._particles.inner_steps / seconds, 1),
            "head_sizes": self._space.head_sizes(average),
        }
        if adam.meta_step % recipe.evaluate_every and adam.meta_step < recipe.meta_steps:
            return done, row
        regrets = self._comparison.regrets(average, recipe.evaluation_seeds)
        mean, worst = float(np.mean(list(regrets.values()))), max(regrets.values())
        objective = mean + recipe.worst_task_weight * worst
        row |= {"regrets": regrets, "mean_regret": mean, "objective": objective}
        if objective <= done.best_objective:
            done = dataclasses.replace(
                done, best=average, best_objective=objective, best_step=adam.meta_step
            )
        return done, row

    def _state(self, done: Progress) -> dict[str, np.ndarray]:
        """All that the next meta-step depends on."""
        return {
            "meta_step": done.adam.meta_step,
            "point": done.adam.values[_POINT],
            "momentum": done.adam.momentum[_POINT],
            "second_moment": done.adam.second_moment[_POINT],
            "average": done.average,
            "best": done.best,
            "best_objective": done.best_objective,
            "best_step": done.best_step,
            **{f"particles:{name}": part for name, part in self._particles.state().items()},
        }

    def _restore(self, saved: dict[str, np.ndarray]) -> Progress:
        prefix = "particles:"
        self._particles.restore(
            {
                name.removeprefix(prefix): part
                for name, part in saved.items()
                if name.startswith(prefix)
            }
        )
        parts = [{_POINT: saved[name]} for name in ("point", "momentum", "second_moment")]
        return Progress(
            MetaAdam(*parts, meta_step=int(saved["meta_step"])),
            saved["average"],
            saved["best"],
            float(saved["best_objective"]),
            int(saved["best_step"]),
        )


def _shown(row: dict) -> dict[str, float]:
    """The scalars of a row, for TensorBoard."""
    names = ("meta_loss", "gradient_norm", "meta_rate", "inner_steps_per_second", "mean_regret")
    shown = {name: row[name] for name in names if name in row}
    for group in ("losses", "regrets", "head_sizes"):
        shown |= {f"{group}/{name}": value for name, value in row.get(group, {}).items()}
    return shown


def _say(text: str) -> None:
    print(f"meta-train: {text}", file=sys.stderr, flush=True)
