"""The sections `training` and `baseline` of the configuration."""

from typing import Annotated, Literal

from pydantic import Field

from ssn3d.core.settings import Device, Settings

BatchSize = Annotated[int, Field(ge=1, le=65_536)]
Epochs = Annotated[int, Field(ge=1, le=100_000)]
SigmaVoxels = Annotated[float, Field(gt=0, le=20)]
BoundaryWeight = Annotated[float, Field(ge=0, le=1000)]
VoxelsPerPoint = Annotated[int, Field(ge=1, le=100_000)]


class TrainingSettings(Settings):
    """How a network is trained."""

    device: Device
    precision: Literal["auto", "float32", "bfloat16"]
    batch_size: BatchSize
    micro_batch_size: Literal["auto"] | BatchSize
    """A batch is accumulated from these; auto measures."""
    epochs: Epochs
    """At most this many."""
    learning_rate: float = Field(gt=0, le=10)
    adam_beta1: float = Field(ge=0, lt=1)
    adam_beta2: float = Field(ge=0, lt=1)
    adam_epsilon: float = Field(gt=0, le=1)
    learning_rate_decay: Annotated[float, Field(ge=0, le=1)] | Literal["cosine"]
    """Learning rate / (1 + decay * step); cosine: to zero along half a wave, over all epochs."""
    loss: Literal["cross_entropy", "cross_entropy_and_dice"]
    """Dice: 1 less the overlap of probabilities and mask, a subtomogram at a time."""
    dropout: float = Field(ge=0, lt=1)
    patience_epochs: Epochs
    """Without better validation accuracy."""
    plateau_margin_percent: float = Field(ge=0, le=100)
    """Margin over the accuracy of "all background" above which epochs are counted."""


class UnsupervisedSettings(Settings):
    """Parameters of the unsupervised baseline."""

    flooded: Literal["gradient", "density"]
    """What the watershed floods. The magnitude of the gradient, from maxima and minima: segments
    end at the surfaces of particles. Or the density, from its maxima: segments meet in the valleys
    between them, so that particles include some of their surroundings, more with more smoothing; a
    single particle without noise fills the volume, and there is no threshold."""
    smoothing_sigma_voxels: SigmaVoxels
    """Standard deviation of the Gaussian filter, and the smallest of a cluster."""
    voxels_per_point: VoxelsPerPoint
    """Voxels of structure per point to which the mixture is fitted. Neighbouring voxels are not
    independent; if all were counted, BIC would split every particle."""
    max_clusters: int = Field(ge=1, le=100)
    """Largest number of clusters, that is particles, for BIC."""
    central_radius_voxels: float = Field(ge=0, le=128)
    """Radius of the central sphere, which is searched for the target if the central voxel has no
    cluster."""


class BaselineParameters(UnsupervisedSettings):
    """Parameters of the unsupervised or the tuned method for one subtomogram.

    In the configuration, those of the tuned method are lists to choose from.
    """

    boundary_weight: BoundaryWeight | None = None
    """Cost of a voxel face of boundary between structure and the rest: that of a voxel at
    sqrt(boundary_weight) standard deviations from the mean of its class. With None, the subtomogram
    itself determines the threshold (`unsupervised_threshold`), which is the authors' method; a
    weight has to be chosen on true masks."""


class SearchSettings(Settings):
    """What the tuned baseline may choose from, named as in `BaselineParameters`."""

    subtomograms: int = Field(ge=1, le=1_000_000)
    """Of the training set, segmented in every trial; all of them if there are fewer."""
    trials: int = Field(ge=1, le=1_000_000)
    """Combinations tried, drawn at random; all of them if there are fewer."""
    smoothing_sigma_voxels: list[SigmaVoxels] = Field(min_length=1)
    boundary_weight: list[BoundaryWeight] = Field(min_length=1)
    voxels_per_point: list[VoxelsPerPoint] = Field(min_length=1)


class BaselineSettings(UnsupervisedSettings):
    """The unsupervised baseline, and what the tuned one may choose from."""

    search: SearchSettings

    @property
    def unsupervised(self) -> BaselineParameters:
        """Parameters of the unsupervised method."""
        return BaselineParameters(**self.model_dump(exclude={"search"}))
