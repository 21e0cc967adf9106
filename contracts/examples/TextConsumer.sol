// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {PinnedTermsConsumer, Terms} from "../consumer/PinnedTermsConsumer.sol";

/// @title Stores the text that a recogniser read from an image of a line
/// @dev The model's first output holds the best class of each time step, as integers; class 0 is the blank. Repeats are
/// merged and blanks dropped (greedy CTC), and every class becomes the character that the alphabet gives it.
contract TextConsumer is PinnedTermsConsumer {
    /// @dev A contract whose code is the alphabet, behind one zero byte: 3 bytes (a Unicode code point, big-endian) a class.
    address private immutable ALPHABET;

    mapping(bytes32 requestId => string) private _texts;
    bytes32 private _latest;

    event TextRequested(bytes32 indexed requestId, address indexed asker);
    event TextRecognised(bytes32 indexed requestId, string text);

    error AlphabetLength(uint256 length);
    error ClassOutOfRange(int256 class, uint256 classes);

    /// @param alphabet 3 bytes a class: its Unicode code point, big-endian; those of class 0 (the blank) are ignored.
    constructor(
        address coordinator_,
        bytes32 modelId,
        bool takesUndisputable,
        Terms memory terms_,
        bytes memory alphabet
    ) PinnedTermsConsumer(coordinator_, modelId, takesUndisputable, terms_) {
        if (alphabet.length == 0 || alphabet.length % 3 != 0) revert AlphabetLength(alphabet.length);
        // PUSH3 length, DUP1, PUSH1 11, PUSH0, CODECOPY, PUSH0, RETURN: deploys what follows.
        bytes memory data = abi.encodePacked(
            hex"62",
            uint24(alphabet.length + 1),
            hex"80600b5f395ff3",
            hex"00",
            alphabet
        );
        address store;
        assembly ("memory-safe") {
            store := create(0, add(data, 0x20), mload(data))
        }
        if (store == address(0)) revert AlphabetLength(alphabet.length);
        ALPHABET = store;
    }

    /// @notice Asks what is written on a line whose image travels in this call. Send the fee along.
    /// @param image The model's input tensors.
    function read(bytes calldata image) external payable returns (bytes32 requestId) {
        requestId = _ask(image);
        emit TextRequested(requestId, msg.sender);
    }

    /// @notice The same for an image that lies at `uri`.
    function readByURI(bytes32 inputRoot, string calldata uri) external payable returns (bytes32 requestId) {
        requestId = _askByURI(inputRoot, uri);
        emit TextRequested(requestId, msg.sender);
    }

    /// @return What the request's image says; empty until its answer is final.
    function textOf(bytes32 requestId) external view returns (string memory) {
        return _texts[requestId];
    }

    /// @return requestId The request whose answer came last.
    /// @return text What it says.
    function latest() external view returns (bytes32 requestId, string memory text) {
        return (_latest, _texts[_latest]);
    }

    function _onInference(bytes32 requestId, bytes calldata output) internal override {
        string memory text = _decode(_integers(output, 0));
        _texts[requestId] = text;
        _latest = requestId;
        emit TextRecognised(requestId, text);
    }

    function _decode(int256[] memory classes) private view returns (string memory) {
        bytes memory alphabet = ALPHABET.code;
        uint256 count = (alphabet.length - 1) / 3;
        bytes memory text = new bytes(4 * classes.length);
        uint256 length = 0;
        int256 previous = 0;
        for (uint256 i = 0; i < classes.length; ++i) {
            int256 class = classes[i];
            if (class < 0 || uint256(class) >= count) revert ClassOutOfRange(class, count);
            if (class != 0 && class != previous) length = _append(text, length, _codePoint(alphabet, uint256(class)));
            previous = class;
        }
        assembly ("memory-safe") {
            mstore(text, length)
        }
        return string(text);
    }

    function _codePoint(bytes memory alphabet, uint256 class) private pure returns (uint256 point) {
        for (uint256 i = 1 + 3 * class; i < 4 + 3 * class; ++i) point = (point << 8) | uint8(alphabet[i]);
    }

    /// @dev Appends a code point in UTF-8.
    function _append(bytes memory text, uint256 length, uint256 point) private pure returns (uint256) {
        if (point < 0x80) {
            text[length++] = bytes1(uint8(point));
            return length;
        }
        if (point < 0x800) {
            text[length++] = bytes1(uint8(0xc0 | (point >> 6)));
        } else {
            if (point < 0x10000) {
                text[length++] = bytes1(uint8(0xe0 | (point >> 12)));
            } else {
                text[length++] = bytes1(uint8(0xf0 | (point >> 18)));
                text[length++] = bytes1(uint8(0x80 | ((point >> 12) & 0x3f)));
            }
            text[length++] = bytes1(uint8(0x80 | ((point >> 6) & 0x3f)));
        }
        text[length++] = bytes1(uint8(0x80 | (point & 0x3f)));
        return length;
    }
}
