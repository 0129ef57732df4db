// Edges of each relationship.
// Columns:
//   relationship
//   count  how many edges
MATCH ()-[r]->()
RETURN type(r) AS relationship, count(*) AS count
ORDER BY count DESC, relationship
