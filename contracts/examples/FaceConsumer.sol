// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {PinnedTermsConsumer, Terms} from "../consumer/PinnedTermsConsumer.sol";

/// @title Stores the faces that a detector found in a picture that lies behind a URI
/// @dev The model's outputs are boxes, float32[n, 4] (centre x, centre y, width, height in units of the picture's size), and
/// scores, float32[n] (log-odds that the box holds a face).
contract FaceConsumer is PinnedTermsConsumer {
    /// @notice All in units of 1e-18 of the picture's width or height; the score is log-odds times 1e18.
    struct Face {
        int256 centreX;
        int256 centreY;
        int256 width;
        int256 height;
        int256 score;
    }

    /// @notice Log-odds times 1e18 from which on a box counts as a face.
    int256 public immutable THRESHOLD;

    mapping(bytes32 requestId => Face[]) private _faces;

    event FacesFound(bytes32 indexed requestId, uint256 count);

    constructor(
        address coordinator_,
        bytes32 modelId,
        bool takesUndisputable,
        Terms memory terms_,
        int256 threshold
    ) PinnedTermsConsumer(coordinator_, modelId, takesUndisputable, terms_) {
        THRESHOLD = threshold;
    }

    /// @notice Asks for the faces in a picture. Send the fee along.
    /// @param inputRoot Root of the picture's tensor, which lies at `uri`.
    function look(bytes32 inputRoot, string calldata uri) external payable returns (bytes32 requestId) {
        requestId = _askByURI(inputRoot, uri);
    }

    /// @return The faces of a request whose answer is final; of two boxes around one face only the surer one.
    function facesOf(bytes32 requestId) external view returns (Face[] memory) {
        return _faces[requestId];
    }

    function _onInference(bytes32 requestId, bytes calldata output) internal override {
        int256[] memory boxes = _float32Wads(output, 0);
        int256[] memory scores = _float32Wads(output, 1);
        Face[] storage faces = _faces[requestId];
        while (true) {
            uint256 best = _best(scores);
            if (best == scores.length) break;
            Face memory face = Face(
                boxes[4 * best],
                boxes[4 * best + 1],
                boxes[4 * best + 2],
                boxes[4 * best + 3],
                scores[best]
            );
            scores[best] = type(int256).min;
            if (!_isKnown(faces, face)) faces.push(face);
        }
        emit FacesFound(requestId, faces.length);
    }

    /// @return best Index of the highest score from the threshold on; the number of scores where there is none.
    function _best(int256[] memory scores) private view returns (uint256 best) {
        best = scores.length;
        int256 highest = THRESHOLD;
        for (uint256 i = 0; i < scores.length; ++i) {
            if (scores[i] >= highest && scores[i] != type(int256).min) (best, highest) = (i, scores[i]);
        }
    }

    /// @dev Two boxes show one face where the centre of one lies in the other.
    function _isKnown(Face[] storage faces, Face memory face) private view returns (bool) {
        for (uint256 i = 0; i < faces.length; ++i) {
            Face memory known = faces[i];
            if (
                2 * _distance(known.centreX, face.centreX) < known.width &&
                2 * _distance(known.centreY, face.centreY) < known.height
            ) return true;
        }
        return false;
    }

    function _distance(int256 a, int256 b) private pure returns (int256) {
        return a < b ? b - a : a - b;
    }
}
