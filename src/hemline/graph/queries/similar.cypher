// The most similar products of one, with type and department.
// One database; similar-federated asks two.
// Parameters:
//   prod_code  string: code of the product
// Columns:
//   prod_code
//   sim_score        cosine of the two photos
//   prod_type
//   department_name
MATCH (p:Product {code: $prod_code})-[s:SIMILAR]->(p2:Product)
MATCH (d:Department)<-[:FROM_DEPARTMENT]-(p2)-[:SUBSET_OF]->(type:ProductType)
RETURN p2.code AS prod_code, s.score AS sim_score, type.name AS prod_type,
       d.name AS department_name
ORDER BY sim_score DESC, prod_code
