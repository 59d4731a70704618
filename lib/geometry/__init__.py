"""3-D models: procedural shapes, rendering, voxelising, surfaces from voxels."""
