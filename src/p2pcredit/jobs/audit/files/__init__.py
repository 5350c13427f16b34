"""Files made from a banked model or a scored loan: bins, points, exports, notices."""
