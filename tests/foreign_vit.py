"""Little vision transformers in the layouts of others, with the weights that we expect of them."""

import json

import numpy as np
from safetensors.numpy import save_file

from models.vit import ViTConfig

# Ours below a layer: theirs below a layer, of ViT and of Dinov2.
DENSE = {
    "attention/query": ("attention.attention.query",) * 2,
    "attention/key": ("attention.attention.key",) * 2,
    "attention/value": ("attention.attention.value",) * 2,
    "attention/output": ("attention.output.dense",) * 2,
    "intermediate": ("intermediate.dense", "mlp.fc1"),
    "output": ("output.dense", "mlp.fc2"),
}
NORMS = {
    "attention_layer_norm": ("layernorm_before", "norm1"),
    "output_layer_norm": ("layernorm_after", "norm2"),
}


class Foreign:
    """A random model: `tensors` by Hugging Face's names, in its layouts, `ours` by our paths."""

    def __init__(self, kind, num_classes=0):
        self.kind = kind
        column = ("vit", "dinov2").index(kind)
        self.config = ViTConfig(
            patch_size=2,
            hidden_dim=8,
            num_layers=2,
            num_heads=2,
            intermediate_dim=16,
            image_size=6,
            layer_norm_epsilon=1e-6,
            layer_scale=1.0 if column else None,
            pooling="class_token_and_mean" if column else "class_token",
        )
        self.tensors, self.ours = {}, {}
        self._rng = np.random.default_rng(0)
        patches = self._draw("embeddings.patch_embeddings.projection.weight", 8, 3, 2, 2)
        # Pixel by pixel, as a loop would read the patch.
        below = "encoder/embeddings"
        self.ours[f"{below}/patch_projection/kernel"] = np.stack(
            [patches[:, c, y, x] for y in range(2) for x in range(2) for c in range(3)]
        )
        self.ours[f"{below}/patch_projection/bias"] = self._draw(
            "embeddings.patch_embeddings.projection.bias", 8
        )
        self.ours[f"{below}/class_token"] = self._draw("embeddings.cls_token", 1, 1, 8)[0, 0]
        self.ours[f"{below}/position_embeddings"] = self._draw(
            "embeddings.position_embeddings", 1, 10, 8
        )[0]
        for i in range(2):
            for path, names in DENSE.items():
                outputs, inputs = {"intermediate": (16, 8), "output": (8, 16)}.get(path, (8, 8))
                name = f"encoder.layer.{i}.{names[column]}"
                self._dense(f"encoder/layer_{i}/{path}", name, outputs, inputs)
            for path, names in NORMS.items():
                self._norm(f"encoder/layer_{i}/{path}", f"encoder.layer.{i}.{names[column]}")
            for half, name in (("attention", "layer_scale1"), ("output", "layer_scale2")):
                if column:
                    self.ours[f"encoder/layer_{i}/{half}_layer_scale/gamma"] = self._draw(
                        f"encoder.layer.{i}.{name}.lambda1", 8
                    )
        self._norm("encoder/layer_norm", "layernorm")
        if num_classes:
            self._dense("head", "classifier", num_classes, 16 if column else 8)

    def _draw(self, name, *shape):
        self.tensors[name] = self._rng.normal(0, 0.5, shape).astype(np.float32)
        return self.tensors[name]

    def _dense(self, path, name, outputs, inputs):
        self.ours[f"{path}/kernel"] = self._draw(f"{name}.weight", outputs, inputs).T
        self.ours[f"{path}/bias"] = self._draw(f"{name}.bias", outputs)

    def _norm(self, path, name):
        self.ours[f"{path}/gamma"] = self._draw(f"{name}.weight", 8)
        self.ours[f"{path}/beta"] = self._draw(f"{name}.bias", 8)

    def settings(self):
        """Its `config.json`."""
        own = {"mlp_ratio": 2} if self.kind == "dinov2" else {"intermediate_size": 16}
        return {
            "model_type": self.kind,
            "hidden_size": 8,
            "num_hidden_layers": 2,
            "num_attention_heads": 2,
            "patch_size": 2,
            "image_size": 6,
            "num_channels": 3,
            "hidden_act": "gelu",
            "layer_norm_eps": 1e-6,
            **own,
        }

    def save(self, folder, prefix=None, **settings):
        """Writes the folder of `save_pretrained`."""
        folder.mkdir(exist_ok=True)
        (folder / "config.json").write_text(json.dumps({**self.settings(), **settings}))
        prefix = f"{self.kind}." if prefix is None else prefix
        named = {
            name if name.startswith("classifier") else prefix + name: array
            for name, array in self.tensors.items()
        }
        save_file(named, folder / "model.safetensors")
        return folder
