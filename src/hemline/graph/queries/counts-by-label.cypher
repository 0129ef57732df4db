// Nodes of each label.
// Columns:
//   label
//   count  how many nodes
MATCH (n)
UNWIND labels(n) AS label
RETURN label, count(*) AS count
ORDER BY count DESC, label
