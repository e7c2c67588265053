"""The sections `training` and `baseline` of the configuration."""

from typing import Annotated, Literal

from pydantic import Field

from ssn3d.core.classes import ClassName
from ssn3d.core.settings import Device, Settings
from ssn3d.models.card import Model

BatchSize = Annotated[int, Field(ge=1, le=65_536)]
Epochs = Annotated[int, Field(ge=1, le=100_000)]
SigmaVoxels = Annotated[float, Field(gt=0, le=20)]
BoundaryWeight = Annotated[float, Field(ge=0, le=1000)]
VoxelsPerPoint = Annotated[int, Field(ge=1, le=100_000)]
ClassWeight = Annotated[float, Field(gt=0, le=1000)]


class TrainingSettings(Settings):
    """How a network is trained."""

    device: Device
    precision: Literal["auto", "float32", "bfloat16"]
    batch_size: BatchSize
    micro_batch_size: Literal["auto"] | BatchSize
    """Subtomograms computed at a time, accumulated to a batch; auto: the fastest as measured."""
    epochs: Epochs
    """Maximum number of epochs."""
    learning_rate: float = Field(gt=0, le=10)
    adam_beta1: float = Field(ge=0, lt=1)
    adam_beta2: float = Field(ge=0, lt=1)
    adam_epsilon: float = Field(gt=0, le=1)
    learning_rate_decay: Annotated[float, Field(ge=0, le=1)] | Literal["cosine"]
    """Learning rate / (1 + decay * step); cosine: half a cosine to zero over all epochs."""
    loss: Literal["cross_entropy", "cross_entropy_and_dice"]
    """Dice: 1 - Dice coefficient of probabilities and mask, per subtomogram."""
    class_weights: dict[ClassName, ClassWeight]
    """Weights of classes in the cross-entropy; those that are not named have 1."""
    start_from: Model | None
    """Model, or file of weights (*.pt), whose weights a training starts from where they fit."""
    dropout: float = Field(ge=0, lt=1)
    patience_epochs: Epochs
    """Epochs without better validation accuracy that end the training."""
    plateau_margin_percent: float = Field(ge=0, le=100)
    """Margin above the accuracy of "all background" from which patience counts."""


class UnsupervisedSettings(Settings):
    """Parameters of the unsupervised baseline."""

    flooded: Literal["gradient", "density"]
    """Input of the watershed. Gradient magnitude, from maxima and minima: segments end at the
    surfaces of particles. Density, from its maxima: segments meet in the valleys between particles
    and include some background, more with more smoothing; a single particle without noise fills
    the volume."""
    smoothing_sigma_voxels: SigmaVoxels
    """Standard deviation of the Gaussian filter, and minimum standard deviation of a cluster."""
    voxels_per_point: VoxelsPerPoint
    """Foreground voxels per point to which the mixture is fitted. Neighbouring voxels are not
    independent: if all were counted, BIC would split every particle."""
    max_clusters: int = Field(ge=1, le=100)
    """Maximum number of clusters, that is particles, for BIC."""
    central_radius_voxels: float = Field(ge=0, le=128)
    """Radius of the central sphere, in which the target is sought if the central voxel has no
    cluster."""


class BaselineParameters(UnsupervisedSettings):
    """Parameters of the unsupervised or the tuned baseline for one subtomogram."""

    boundary_weight: BoundaryWeight | None = None
    """Cost of a voxel face between foreground and background, equal to that of a voxel at
    sqrt(boundary_weight) standard deviations from the mean of its class. A weight has to be chosen
    on true masks; None, the authors' method, is `unsupervised_threshold`."""


class SearchSettings(Settings):
    """Search space of the tuned baseline; lists are named as in `BaselineParameters`."""

    subtomograms: int = Field(ge=1, le=1_000_000)
    """Maximum number of training subtomograms, segmented in every trial."""
    trials: int = Field(ge=1, le=1_000_000)
    """Maximum number of combinations, drawn at random."""
    smoothing_sigma_voxels: list[SigmaVoxels] = Field(min_length=1)
    boundary_weight: list[BoundaryWeight] = Field(min_length=1)
    voxels_per_point: list[VoxelsPerPoint] = Field(min_length=1)


class BaselineSettings(UnsupervisedSettings):
    """The unsupervised baseline, and the search space of the tuned one."""

    search: SearchSettings

    @property
    def unsupervised(self) -> BaselineParameters:
        """Parameters of the unsupervised baseline."""
        return BaselineParameters(**self.model_dump(exclude={"search"}))
