// Nodes of each label; without those by which a load into a server notes what it has done.
// Columns:
//   label
//   count  how many nodes
MATCH (n)
UNWIND labels(n) AS label
WITH label WHERE NOT label STARTS WITH 'Hemline'
RETURN label, count(*) AS count
ORDER BY count DESC, label
