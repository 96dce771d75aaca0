"""The story of a meta-training by evolution, from a recipe to a file of meta-parameters."""

from __future__ import annotations

import dataclasses
import sys
import time

import numpy as np
import tqdm

from mnemosyne_tf.meta_params import MetaParams
from pipeline.lab.derived_seed import derived_seed
from pipeline.lab.meta_training.evolution.natural_evolution import Population
from pipeline.lab.meta_training.evolution.regret import (
    SWEPT_RATES,
    Baseline,
    objective,
    regrets,
    run_points,
    sweep_nominal_rule,
)
from pipeline.lab.meta_training.evolution.search_space import SearchSpace
from pipeline.lab.meta_training.inner_optimizer import InnerMnemosyne
from pipeline.lab.meta_training.inner_run import InnerRun
from pipeline.lab.meta_training.meta_folder import MetaFolder
from pipeline.lab.meta_training.settings import MetaRecipe
from pipeline.lab.meta_training.tasks.rotation import tasks_of
from pipeline.lab.meta_training.tasks.task_data import load_tasks
from pipeline.run.watching.tensorboard import ScalarWriter

# Purposes of the seeds that are drawn, so that no two uses share one.
_SWEEP, _META_STEP, _FINAL = range(3)


class MetaTraining:
    """One meta-training.

    Args:
        recipe: settings.
        output: its folder.
        text, fashion_mnist: data of the user, see `load_tasks`.

    Raises:
        ValueError, FileNotFoundError: recipe, folder and data do not fit.
    """

    def __init__(
        self,
        recipe: MetaRecipe,
        *,
        output: str,
        text: str | None = None,
        fashion_mnist: str | None = None,
    ):
        self._recipe = recipe
        self._space = SearchSpace(MetaParams.nominal(), recipe.learned_entries())
        self._folder = MetaFolder(output, recipe)
        tasks = load_tasks(recipe, text=text, fashion_mnist=fashion_mnist, folder=output)
        varied = frozenset(self._space.values(np.zeros([1, self._space.num_coords])))
        self._runs = {
            task.name: InnerRun(
                task, InnerMnemosyne(self._space.nominal, varied, **task.run_arguments)
            )
            for task in tasks
        }
        self._baselines: dict[str, Baseline] = {}

    def run(self) -> dict[str, float]:
        """Does what is left to do and returns the final figures."""
        if (figures := self._folder.completed()) is not None:
            _say("already complete")
            return figures
        recipe = self._recipe
        _say(
            f"{len(self._runs)} tasks, {self._space.num_coords} numbers ({recipe.learned}), "
            f"{recipe.meta_steps} meta-steps of {recipe.members} members on "
            f"{recipe.tasks_per_step} tasks"
        )
        self._sweep()
        self._evolve()
        point = self._late_mean()
        figures = self._compare(point)
        self._folder.complete(self._space.meta_params(point), figures)
        return figures

    def _sweep(self) -> None:
        self._baselines = self._folder.baselines()
        seeds = [self._seed(_SWEEP, i) for i in range(self._recipe.sweep_seeds)]
        for name, run in self._runs.items():
            if name not in self._baselines:
                self._baselines[name] = sweep_nominal_rule(
                    run, self._space, seeds=seeds, at_once=self._recipe.members_at_once
                )
                self._folder.save_baselines(self._baselines)
            _say(_describe(name, self._baselines[name]))

    def _evolve(self) -> None:
        recipe = self._recipe
        if (saved := self._folder.state()) is not None:
            population = Population(**{**saved, "generation": int(saved["generation"])})
        else:
            population = Population.around_zero(self._space.num_coords, recipe.initial_spread)
        self._folder.forget_after(population.generation)
        scalars = ScalarWriter(self._folder.path / "tensorboard")
        with tqdm.tqdm(
            total=recipe.meta_steps,
            initial=population.generation,
            unit="meta-step",
            desc="meta-train",
            # A log file gets a line every half minute, a terminal a live bar.
            mininterval=0.5 if sys.stderr.isatty() else 30,
            dynamic_ncols=True,
        ) as bar:
            while population.generation < recipe.meta_steps:
                population, row = self._meta_step(population)
                self._folder.save_meta_step(row, dataclasses.asdict(population))
                if population.generation % recipe.checkpoint_every == 0:
                    self._folder.save_checkpoint(
                        self._space.meta_params(population.mean), population.generation
                    )
                shown = {"meta_loss": row["meta_loss"], **row["learned"], **row["regrets"]}
                scalars.write(shown, population.generation)
                bar.set_postfix_str(
                    f"meta-loss {row['meta_loss']:.3f}, best {row['best']:.3f}, "
                    f"{row['inner_steps_per_second']:.0f} inner steps/s",
                    refresh=False,
                )
                bar.update()

    def _late_mean(self) -> np.ndarray:
        """The mean of the population's means over the last half of the meta-steps.

        A few noisy ranks move each of them to and fro; most of that cancels.

        Source: Polyak and Juditsky 1992 (averaging of iterates).
        """
        means = [row["mean"] for row in self._folder.meta_steps()]
        return np.mean(means[len(means) // 2 :], axis=0)

    def _meta_step(self, population: Population) -> tuple[Population, dict]:
        """One generation, and what the log keeps of it."""
        recipe, started = self._recipe, time.perf_counter()
        draws = population.draws(recipe.members, recipe.seed)
        points = population.members(draws)
        chosen = tasks_of(
            recipe.all_turns(), recipe.tasks_per_step, population.generation, recipe.seed
        )
        seed = self._seed(_META_STEP, population.generation)
        by_task = np.stack([self._regrets(name, points, seed) for name in chosen])
        scores = objective(by_task, recipe.worst_task_weight)
        seconds = time.perf_counter() - started
        inner_steps = recipe.members * sum(self._runs[name].task.num_steps for name in chosen)
        following = population.next(draws, scores)
        following = dataclasses.replace(following, mean=self._space.inside(following.mean))
        row = {
            "meta_step": following.generation,
            "meta_loss": float(scores.mean()),
            "best": float(scores.min()),
            "regrets": {
                name: float(each.mean()) for name, each in zip(chosen, by_task, strict=True)
            },
            "seconds": round(seconds, 3),
            "inner_steps_per_second": round(inner_steps / seconds, 1),
            "mean": following.mean.tolist(),
            "deviation": following.deviation.tolist(),
            "learned": self._scalars(following.mean),
        }
        return following, row

    def _compare(self, point: np.ndarray) -> dict:
        """Regrets of the result and of the nominal rule on all tasks, from new seeds."""
        points = np.stack([point, np.zeros_like(point)])
        seeds = [self._seed(_FINAL, i) for i in range(self._recipe.final_seeds)]
        by_task = {
            name: np.mean([self._regrets(name, points, seed) for seed in seeds], axis=0)
            for name in self._runs
        }
        learned, nominal = np.stack(list(by_task.values()), axis=1)
        return {
            "learned_regret": float(learned.mean()),
            "learned_worst": float(learned.max()),
            "nominal_regret": float(nominal.mean()),
            "nominal_worst": float(nominal.max()),
            "tasks": {
                name: {"learned": float(ours), "nominal": float(theirs)}
                for name, (ours, theirs) in by_task.items()
            },
            "learned": self._scalars(point),
            "fingerprint": self._space.meta_params(point).fingerprint(),
        }

    def _regrets(self, name: str, points: np.ndarray, seed: int) -> np.ndarray:
        at_once = self._recipe.members_at_once
        losses = run_points(self._runs[name], self._space, points, seed=seed, at_once=at_once)
        return regrets(losses, self._baselines[name])

    def _scalars(self, point: np.ndarray) -> dict[str, float]:
        values = self._space.values(point[np.newaxis])
        return {name: float(value[0]) for name, value in values.items() if value.ndim == 1}

    def _seed(self, purpose: int, index: int) -> int:
        return derived_seed(self._recipe.seed, purpose, index)


def _describe(name: str, baseline: Baseline) -> str:
    best = baseline.best
    return (
        f"{name}: nominal rule, best at {SWEPT_RATES[best]:g} of its rates, ends at "
        f"{baseline.final_losses[best]:.3f} nats (plateau {baseline.plateau:.3f}); "
        f"{baseline.steps_per_second:.0f} inner steps/s"
    )


def _say(text: str) -> None:
    print(f"meta-train: {text}", file=sys.stderr, flush=True)
