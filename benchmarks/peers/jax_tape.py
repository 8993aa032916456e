import jax

print(jax.grad(lambda w: 2.0 * w**2 + 3.0 * w + 4.0)(4.0))
