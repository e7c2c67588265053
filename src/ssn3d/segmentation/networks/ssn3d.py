"""The networks of the paper's Figures 2 and 3.

The numbers of parameters in the paper's Table 2 determine every layer: the decoders have 1x1x1
convolutions, not the 3x3x3 of the text. Such a convolution commutes with nearest-neighbour
upsampling; here the convolution comes first, on eight times fewer voxels. For the same reason ReLU
comes after max-pooling.
"""

from torch import Tensor, nn
from torch.nn.functional import relu

from ssn3d.segmentation.networks.layers import CLASSES, check_size, pool, upsample


class Encoder(nn.Module):
    """Three blocks of two 3x3x3 convolutions and a pooling; 858,400 parameters."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1_1 = nn.Conv3d(1, 32, 3, padding="same")
        self.conv1_2 = nn.Conv3d(32, 32, 3, padding="same")
        self.conv2_1 = nn.Conv3d(32, 64, 3, padding="same")
        self.conv2_2 = nn.Conv3d(64, 64, 3, padding="same")
        self.conv3_1 = nn.Conv3d(64, 128, 3, padding="same")
        self.conv3_2 = nn.Conv3d(128, 128, 3, padding="same")

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The three pooled feature maps, of 32, 64 and 128 channels."""
        check_size(images)
        features = relu(self.conv1_1(images), inplace=True)  # (n, 32, s, s, s)
        pool1 = relu(pool(self.conv1_2(features)), inplace=True)  # (n, 32, s/2, ...)
        features = relu(self.conv2_1(pool1), inplace=True)
        pool2 = relu(pool(self.conv2_2(features)), inplace=True)  # (n, 64, s/4, ...)
        features = relu(self.conv3_1(pool2), inplace=True)
        pool3 = relu(pool(self.conv3_2(features)), inplace=True)  # (n, 128, s/8, ...)
        return pool1, pool2, pool3


class FullyConvolutional(nn.Sequential):
    """Fully connected layers as 1x1x1 convolutions, down to one score per class."""

    def __init__(self, dropout: float) -> None:
        super().__init__()
        self.fc1 = nn.Conv3d(128, 1024, 1)
        self.relu1 = nn.ReLU(inplace=True)
        self.dropout1 = nn.Dropout(dropout)
        self.fc2 = nn.Conv3d(1024, 1024, 1)
        self.relu2 = nn.ReLU(inplace=True)
        self.dropout2 = nn.Dropout(dropout)
        self.score = nn.Conv3d(1024, CLASSES, 1)


class SSN3Dv1(nn.Module):
    """Figure 2 (a): no skip connection; 2,042,158 parameters, output constant in 8^3 voxels."""

    def __init__(self, dropout: float) -> None:
        super().__init__()
        self.encoder = Encoder()
        self.fully_convolutional = FullyConvolutional(dropout)
        self.up_conv1 = nn.Conv3d(CLASSES, CLASSES, 1)
        self.up_conv2 = nn.Conv3d(CLASSES, CLASSES, 1)

    def forward(self, images: Tensor) -> Tensor:
        """Map images (n, 1, s, s, s) to logits (n, 2, s, s, s)."""
        _, _, pool3 = self.encoder(images)
        score = self.fully_convolutional(pool3)  # (n, 2, s/8, s/8, s/8)
        # the figure upsamples by 2 before, between and after these two
        return upsample(self.up_conv2(self.up_conv1(score)), 8)


class SSN3Dv2(nn.Module):
    """Figure 2 (b): skip connections by adding scores; 2,042,342 parameters, blocks of 2^3."""

    def __init__(self, dropout: float) -> None:
        super().__init__()
        self.encoder = Encoder()
        self.fully_convolutional = FullyConvolutional(dropout)
        self.score_pool2 = nn.Conv3d(64, CLASSES, 1)
        self.score_pool1 = nn.Conv3d(32, CLASSES, 1)

    def forward(self, images: Tensor) -> Tensor:
        """Map images (n, 1, s, s, s) to logits (n, 2, s, s, s)."""
        pool1, pool2, pool3 = self.encoder(images)
        score = upsample(self.fully_convolutional(pool3)) + self.score_pool2(pool2)
        score = upsample(score) + self.score_pool1(pool1)
        return upsample(score)


class SSN3DED(nn.Module):
    """Figure 3: encoder and decoder of the same widths; 895,746 parameters, blocks of 2^3."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = Encoder()
        self.up_conv1 = nn.Conv3d(128, 128, 1)
        self.skip_pool2 = nn.Conv3d(64, 128, 1)
        self.up_conv2 = nn.Conv3d(128, 64, 1)
        self.skip_pool1 = nn.Conv3d(32, 64, 1)
        self.up_conv3 = nn.Conv3d(64, 32, 1)
        self.score = nn.Conv3d(32, CLASSES, 1)

    def forward(self, images: Tensor) -> Tensor:
        """Map images (n, 1, s, s, s) to logits (n, 2, s, s, s)."""
        pool1, pool2, pool3 = self.encoder(images)
        features = relu(self.up_conv1(pool3), inplace=True)
        features = upsample(features) + self.skip_pool2(pool2)  # (n, 128, s/4, s/4, s/4)
        features = relu(self.up_conv2(features), inplace=True)
        features = upsample(features) + self.skip_pool1(pool1)  # (n, 64, s/2, s/2, s/2)
        features = relu(self.up_conv3(features), inplace=True)
        return upsample(self.score(features))  # the figure scores after the upsampling
