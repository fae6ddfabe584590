"""Learn: encoders, clustering and the DeepCluster loop."""
