"""What the benches share whose programs train side by side: `bench train|finetune|vit_speed`."""
